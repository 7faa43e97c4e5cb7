"""POST /api/v1/media/{id}/restore - reverse the deletion that removed a file of the team.

Response  {"success", "data": {"message", "success", "id"}, "info": {"timestamp"}}
Errors    401; 403; 404 missing, a folder, or another team's; 409 it is not deleted, or its collection is; 410
          it was purged
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.media import RestoredMedia, show_restored_media
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(V1, operation="media.restore", item=("id", "media"), returns=RestoredMedia)
def app(request: Request, caller: Caller) -> RestoredMedia:
    return show_restored_media(media.restore(caller, request.id("id"), only_files=True))


handler = Mangum(app, lifespan="off")
