"""GET /f/{mediaId}/{token} and HEAD /f/{mediaId}/{token} - a permanent link: redirects to the file, until the
item is deleted or blocked.

Query     size frame|thumbnail; original=1 the file itself, also where a browser cannot show it; download=1 to
          save under its name. HEAD is for link checkers: the URL of its redirect is signed for HEAD too
Response  302 to a URL that is valid for an hour at most
Errors    404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import delivery
from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.links import LinkQuery, show_redirect
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import links
from vitrine.models.people import Nobody


@endpoint(STUDIO, public=True, query=LinkQuery, status=302)
def app(request: Request[None, LinkQuery], _: Nobody) -> Answer:
    query = request.query()
    target = links.target(request.id("mediaId"), request.text("token"))
    head = request.method == "HEAD"
    return show_redirect(
        delivery.redirect(
            target, size=query.size, original=query.original, download=query.download, head=head
        )
    )


handler = Mangum(app, lifespan="off")
