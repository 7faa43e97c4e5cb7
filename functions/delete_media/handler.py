"""DELETE /api/media/{mediaId} - put an item in the trash with all its versions, a folder with everything
below it.

The id of a version that is not the first puts that version alone in the trash; the item then shows another.

Response  {"id", "deletedCount": files, versions counted, "deletionId"}
Errors    401; 403 another organization's, or neither owner nor admin; 404, the second time too; 409 more than
          can go at once, or an item's only version; 412 changed since it was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.media import media_if_match
from vitrine.dialects.studio.trash import Deleted, show_deleted
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="media.delete", item=("mediaId", "media"), returns=Deleted)
def app(request: Request, caller: Caller) -> Deleted:
    return show_deleted(media.delete(caller, request.id("mediaId"), check=media_if_match(request.headers)))


handler = Mangum(app, lifespan="off")
