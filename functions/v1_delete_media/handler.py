"""DELETE /api/v1/media/{id} - put a file of the team in the trash.

Response  {"success", "data": {"message", "success", "id"}, "info": {"timestamp"}}
Errors    401; 403; 404 missing, not yet verified, a folder, or another team's; the second time too
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.media import DeletedMedia, show_deleted_media
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(V1, operation="media.delete", item=("id", "media"), returns=DeletedMedia)
def app(request: Request, caller: Caller) -> DeletedMedia:
    return show_deleted_media(media.delete(caller, media.get_file(caller, request.id("id")).id))


handler = Mangum(app, lifespan="off")
