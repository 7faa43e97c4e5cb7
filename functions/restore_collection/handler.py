"""POST /api/dataset/{datasetId}/restore - reverse the whole deletion that removed a collection.

Response  {"id", "restoredCount": files, versions counted, "deletionId"}; what was deleted in it before stays
          deleted
Errors    401; 403 another organization's, or neither owner nor admin; 404; 409 it is not deleted; 410 it was
          purged
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.trash import Restored, show_restored
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="collection.restore", item=("datasetId", "collection"), returns=Restored)
def app(request: Request, caller: Caller) -> Restored:
    return show_restored(collections.restore(caller, request.id("datasetId")))


handler = Mangum(app, lifespan="off")
