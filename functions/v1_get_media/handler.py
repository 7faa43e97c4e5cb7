"""GET /api/v1/media/{id} - one file of the team.

Response  {"success", "data": {...}, "info": {"timestamp"}}
Errors    401; 403; 404 missing, not yet verified, a folder, or another team's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.media import OneMedia, show_one_media
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(V1, operation="media.read", item=("id", "media"), returns=OneMedia)
def app(request: Request, caller: Caller) -> OneMedia:
    return show_one_media(media.get_file(caller, request.id("id")), request.links)


handler = Mangum(app, lifespan="off")
