"""POST /api/v1/media/{id}/restore - reverse the act of deletion that took a file of the team.

Response  {"success", "data": {"message", "success", "id"}, "info": {"timestamp"}}
Errors    401; 403; 404 not there, a folder, or another team's; 409 it is not deleted, or its collection is;
          410 it was deleted for good
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(v1, operation="media.restore", item=("id", "media"), returns=v1.RestoredMedia)
def app(request: Request, caller: Caller) -> v1.RestoredMedia:
    return v1.show_restored(media.restore(caller, request.id("id"), only_files=True))


handler = Mangum(app, lifespan="off")
