"""POST /api/media/{mediaId}/restore - reverse the act of deletion that took an item, or a version of it,
whole.

Response  {"id", "restoredCount": files, versions counted, "deletionId"}; it lies where it lay, or in the
          nearest folder above that lives
Errors    401; 403; 404; 409 it is not deleted, or its collection is, or the version's item; 410 it was
          deleted for good
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
