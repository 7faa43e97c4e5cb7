"""PATCH /api/v1/media/{id} - say something else of a file of the team.

Body      {"title"?, "alt"?, "caption"?}, at least one: at most 255, 500 and 1000 UTF-16 units, or null;
          anything else is ignored
Response  {"success", "data": {...} as GET shows it, "info": {"timestamp"}}
Errors    400 with the issues, said before 404; 401; 403; 404 not there, not yet verified, a folder, or
          another team's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


# no item: who asks is judged before the body, and it after
@endpoint(v1, operation="media.update", body=v1.UpdateMedia, returns=v1.OneMedia)
def app(request: Request[v1.UpdateMedia], caller: Caller) -> v1.OneMedia:
    said = request.body().said()
    return v1.show_one(media.describe(caller, request.id("id"), said), request.links)


handler = Mangum(app, lifespan="off")
