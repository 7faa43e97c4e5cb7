"""DELETE /api/folder/{folderId} - put a folder in the trash, with everything below it.

Response  {"id", "deletedCount": files, versions counted, "deletionId"}
Errors    401; 403 another organization's, or neither owner nor admin; 404, for a file and the second time
          too; 409 more than can go at once;
          412 changed since it was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(studio.STUDIO, operation="folder.delete", item=("folderId", "folder"), returns=studio.Deleted)
def app(request: Request, caller: Caller) -> studio.Deleted:
    return studio.show_deleted(
        media.delete_folder(caller, request.id("folderId"), check=studio.unchanged(request.headers))
    )


handler = Mangum(app, lifespan="off")
