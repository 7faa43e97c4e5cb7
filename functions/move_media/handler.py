"""PATCH /api/media/{mediaId}/move - move an item, a folder with everything below it, within its collection.

Body      {"destinationPath": a folder or the collection, as browse returns it; its last id decides}
Response  {"id", "newPath", "success": true}, with the item's ETag. Nothing changes where it is there already
Errors    400 destinationPath missing, no path, a file, in another collection, the item itself or below it,
          too deep; 401; 403; 404 item or folder missing; 412 changed since it was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.formats import Input
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.media import Moved, media_if_match, show_moved
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import folders, media
from vitrine.models.people import Caller


class Body(Input):
    destinationPath: str


@endpoint(STUDIO, operation="media.move", item=("mediaId", "media"), body=Body, returns=Moved)
def app(request: Request[Body], caller: Caller) -> Answer:
    to = folders.parse(request.body().destinationPath, "destinationPath")
    return show_moved(media.move(caller, request.id("mediaId"), to=to, check=media_if_match(request.headers)))


handler = Mangum(app, lifespan="off")
