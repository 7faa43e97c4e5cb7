"""DELETE /api/folder/{folderId} - put a folder in the trash, with everything below it.

Response  {"id", "deletedCount": files, versions counted, "deletionId"}
Errors    401; 403 another organization's, or neither owner nor admin; 404, for a file and the second time
          too; 409 more than can go at once; 412 changed since it was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.media import media_if_match
from vitrine.dialects.studio.trash import Deleted, show_deleted
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="folder.delete", item=("folderId", "folder"), returns=Deleted)
def app(request: Request, caller: Caller) -> Deleted:
    return show_deleted(
        media.delete_folder(caller, request.id("folderId"), check=media_if_match(request.headers))
    )


handler = Mangum(app, lifespan="off")
