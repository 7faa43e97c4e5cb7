"""GET /api/v1/media/{id} - one file of the team.

Response  {"success", "data": {...}, "info": {"timestamp"}}
Errors    401; 403; 404 not there, not yet verified, a folder, or another team's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(v1, operation="media.read", item=("id", "media"), returns=v1.OneMedia)
def app(request: Request, caller: Caller) -> v1.OneMedia:
    return v1.show_one(media.get_file(caller, request.id("id")), request.links)


handler = Mangum(app, lifespan="off")
