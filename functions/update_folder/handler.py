"""PATCH /api/folder/{folderId} - rename a folder, or say something else of it.

Body      {"name"?, "metadata"?}, at least one; as of PATCH /api/media/{mediaId}
Response  {"folder": {...}}, with its new ETag
Errors    400 neither field, a name, tag or text that cannot be one, metadata too large; 401; 403; 404, for a
          file too; 412 changed since it was read
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer, studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(
    studio,
    operation="folder.update",
    item=("folderId", "folder"),
    body=studio.Change,
    returns=studio.OneFolder,
)
def app(request: Request[studio.Change], caller: Caller) -> Answer:
    name, said = request.body().wanted()
    check = studio.unchanged(request.headers)
    return studio.show_one_folder(
        media.update(
            caller, request.id("folderId"), name=name, description=said, check=check, only_folders=True
        )
    )


handler = Mangum(app, lifespan="off")
