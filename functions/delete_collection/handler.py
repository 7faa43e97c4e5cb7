"""DELETE /api/dataset/{datasetId} - put a collection in the trash, with everything in it. Uploads under way
to it are aborted.

Response  {"id", "deletedCount": files, versions counted, "deletionId"}
Errors    401; 403 another organization's, or neither owner nor admin; 404, the second time too; 409 the
          default one, or more than can go at once;
          412 changed since it was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


@endpoint(
    studio.STUDIO, operation="collection.delete", item=("datasetId", "collection"), returns=studio.Deleted
)
def app(request: Request, caller: Caller) -> studio.Deleted:
    check = studio.unchanged_collection(request.headers)
    return studio.show_deleted(collections.delete(caller, request.id("datasetId"), check=check))


handler = Mangum(app, lifespan="off")
