"""POST /api/dataset/{datasetId}/reprocess - have the frames of a collection's files made anew, a bounded
batch at a time.

Each as by the endpoint for one item, of the version that the item shows. What that endpoint would refuse is
passed over, and what waits already.

Body      {"processing"?: "failed" (as without it) or "all", "limit"?: files to look at, 1 to 1,000,
          "cursor"?: nextCursor of the batch before}
Response  202 {"requested": how many are being processed again, "nextCursor": to go on with; null: that was
          the last batch}
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
    asked = request.body()
    batch = reprocessing.ask_for_collection(
        caller, request.id("datasetId"), which=asked.processing, limit=asked.limit, cursor=asked.after()
    )
    return show_reprocessing_many(batch.requested, batch.next)


handler = Mangum(app, lifespan="off")
