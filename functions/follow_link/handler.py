"""GET /f/{mediaId}/{token} - a permanent link: leads to the file, for whoever has it, until the item is deleted or blocked.

Query     size frame|thumbnail; original=1 the file itself, also where a browser cannot show it; download=1 to save under its name
Response  302 to a URL that lives an hour at most
Errors    404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import delivery
from vitrine.dialects import Answer, studio
from vitrine.endpoint import Request, endpoint
from vitrine.library import links
from vitrine.models import Nobody


@endpoint(studio, public=True, query=studio.LinkQuery, status=302)
def app(request: Request[None, studio.LinkQuery], _: Nobody) -> Answer:
    asked = request.query()
    target = links.target(request.id("mediaId"), request.text("token"))
    return studio.show_redirect(delivery.lead(target, size=asked.size, original=asked.original, download=asked.download))


handler = Mangum(app, lifespan="off")
