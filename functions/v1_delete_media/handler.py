"""DELETE /api/v1/media/{id} - put a file of the team in the trash.

Response  {"success", "data": {"message", "success", "id"}, "info": {"timestamp"}}
Errors    401; 403; 404 not there, not yet verified, a folder, or another team's; the second time too
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(v1, operation="media.delete", item=("id", "media"), returns=v1.DeletedMedia)
def app(request: Request, caller: Caller) -> v1.DeletedMedia:
    return v1.show_deleted(media.delete(caller, media.get_file(caller, request.id("id")).id))


handler = Mangum(app, lifespan="off")
