"""PATCH /api/v1/media/{id} - change the description of a file of the team.

Body      {"title"?, "alt"?, "caption"?}, at least one: at most 255, 500 and 1000 UTF-16 units, or null;
          anything else is ignored
Response  {"success", "data": {...} as GET shows it, "info": {"timestamp"}}
Errors    400 with the issues, before 404; 401; 403; 404 missing, not yet verified, a folder, or another
          team's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.media import OneMedia, UpdateMedia, show_one_media
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


# Without `item`: the caller is authorized first, then the body is validated, then the file is looked up.
@endpoint(V1, operation="media.update", body=UpdateMedia, returns=OneMedia)
def app(request: Request[UpdateMedia], caller: Caller) -> OneMedia:
    changes = request.body().changes()
    return show_one_media(media.describe(caller, request.id("id"), changes), request.links)


handler = Mangum(app, lifespan="off")
