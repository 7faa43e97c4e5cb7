"""POST /api/folder - create a folder.

Body      {"datasetId", "name", "path"?: the parent, as browse returns it, default the root, "reuse"?: true
          for the one that has this name there}
Response  {"folder": {"id", "name", "type", "blob", "path", "datasetId", "collectionId", "status",
          "createdAt", "createdById"}}
Errors    400 datasetId or name missing, path a file or in another collection, deeper than folders go; 401;
          403; 404 collection or parent missing
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.formats import Id, Input
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.folders import OneFolder, show_created_folder
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import folders
from vitrine.models.people import Caller


class Body(Input):
    datasetId: Id
    name: str
    path: str | None = None
    reuse: bool = False


@endpoint(
    STUDIO,
    operation="folder.create",
    item=Item("datasetId", "collection", "body"),
    body=Body,
    returns=OneFolder,
)
def app(request: Request[Body], caller: Caller) -> OneFolder:
    body = request.body()
    parent = folders.parse(body.path) if body.path else None
    return show_created_folder(
        folders.create(caller, body.datasetId, body.name, path=parent, reuse=body.reuse)
    )


handler = Mangum(app, lifespan="off")
