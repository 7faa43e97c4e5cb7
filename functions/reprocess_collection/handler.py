"""POST /api/dataset/{datasetId}/reprocess - make the frames of a collection's files anew, a bounded batch at
a time.

Each item is reprocessed as by the endpoint for one item, in the version that it shows. Items that this
endpoint would reject, and items that wait already, are skipped.

Body      {"processing"?: "failed" (default) or "all", "limit"?: files to look at, 1 to 1,000, "cursor"?:
          nextCursor of the batch before}
Response  202 {"requested": how many are being processed again, "nextCursor": of the next batch; null: that
          was the last one}
Errors    400 a cursor, limit or processing that cannot be one; 401; 403; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.reprocessing import Reprocess, ReprocessingMany, show_reprocessing_many
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import reprocessing
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="collection.reprocess",
    item=("datasetId", "collection"),
    body=Reprocess,
    returns=ReprocessingMany,
    status=202,
)
def app(request: Request[Reprocess], caller: Caller) -> ReprocessingMany:
    body = request.body()
    batch = reprocessing.request_collection(
        caller, request.id("datasetId"), which=body.processing, limit=body.limit, cursor=body.after()
    )
    return show_reprocessing_many(batch.requested, batch.next)


handler = Mangum(app, lifespan="off")
