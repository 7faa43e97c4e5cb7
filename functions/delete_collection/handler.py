"""DELETE /api/dataset/{datasetId} - put a collection in the trash, with everything in it. Uploads under way
to it are aborted.

Response  {"id", "deletedCount": files, versions counted, "deletionId"}
Errors    401; 403 another organization's, or neither owner nor admin; 404, the second time too; 409 the
          default one, or more than can go at once; 412 changed since it was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.collections import collection_if_match
from vitrine.dialects.studio.trash import Deleted, show_deleted
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="collection.delete", item=("datasetId", "collection"), returns=Deleted)
def app(request: Request, caller: Caller) -> Deleted:
    check = collection_if_match(request.headers)
    return show_deleted(collections.delete(caller, request.id("datasetId"), check=check))


handler = Mangum(app, lifespan="off")
