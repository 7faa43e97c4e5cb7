"""POST /api/media/{mediaId}/restore - reverse the whole deletion that removed an item, or a version of it.

Response  {"id", "restoredCount": files, versions counted, "deletionId"}; it is where it was, or in the
          nearest active folder above
Errors    401; 403; 404; 409 it is not deleted, or its collection is, or the version's item; 410 it was purged
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.trash import Restored, show_restored
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="media.restore", item=("mediaId", "media"), returns=Restored)
def app(request: Request, caller: Caller) -> Restored:
    return show_restored(media.restore(caller, request.id("mediaId")))


handler = Mangum(app, lifespan="off")
