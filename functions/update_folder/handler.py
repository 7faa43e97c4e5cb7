"""PATCH /api/folder/{folderId} - rename a folder, or change its description.

Body      {"name"?, "metadata"?}, at least one; as of PATCH /api/media/{mediaId}
Response  {"folder": {...}}, with its new ETag
Errors    400 neither field, a name, tag or text that cannot be one, metadata too large; 401; 403; 404, for a
          file too; 412 changed since it was read
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.descriptions import Change
from vitrine.dialects.studio.folders import OneFolder, show_one_folder
from vitrine.dialects.studio.media import media_if_match
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="folder.update",
    item=("folderId", "folder"),
    body=Change,
    returns=OneFolder,
)
def app(request: Request[Change], caller: Caller) -> Answer:
    name, description = request.body().changes()
    check = media_if_match(request.headers)
    return show_one_folder(
        media.update(
            caller, request.id("folderId"), name=name, description=description, check=check, only_folders=True
        )
    )


handler = Mangum(app, lifespan="off")
