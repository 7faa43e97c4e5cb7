"""GET /f/{mediaId}/{token} and HEAD /f/{mediaId}/{token} - a permanent link: leads whoever has it to the
file, until the item is deleted or blocked.

Query     size frame|thumbnail; original=1 the file itself, also where a browser cannot show it; download=1 to
          save under its name.
          HEAD is for what checks links: the URL that it is led to is for HEAD too
Response  302 to a URL that lives an hour at most
Errors    404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import delivery
from vitrine.dialects import Answer, studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import links
from vitrine.models.people import Nobody


@endpoint(studio, public=True, query=studio.LinkQuery, status=302)
def app(request: Request[None, studio.LinkQuery], _: Nobody) -> Answer:
    asked = request.query()
    target = links.target(request.id("mediaId"), request.text("token"))
    head = request.method == "HEAD"
    return studio.show_redirect(
        delivery.redirect(
            target, size=asked.size, original=asked.original, download=asked.download, head=head
        )
    )


handler = Mangum(app, lifespan="off")
