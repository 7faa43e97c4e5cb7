"""GET /api/folder/{folderId} - one folder.

Response  {"folder": {"id", "name", "type", "blob", "path", "datasetId", "collectionId", "status",
          "createdAt", "createdById"}}, with its ETag
Errors    401; 403 another organization's, or the key lacks the scope; 404, for a file too
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.folders import OneFolder, show_one_folder
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="folder.read", item=("folderId", "folder"), returns=OneFolder)
def app(request: Request, caller: Caller) -> Answer:
    return show_one_folder(media.get_folder(caller, request.id("folderId")))


handler = Mangum(app, lifespan="off")
