"""POST /api/upload/s3/multipart/{uploadId}/complete - make one file of the parts. Idempotent.

Query     key
Body      {"parts": [{"PartNumber", "ETag"}]}; none: all parts in the store
Response  {"location", "key", "bucket", "mediaId", "status"}
Errors    400 parts that are missing; 401; 403; 404 not the caller's upload, or another key; 409 aborted or
          expired; 422 the file was rejected; 503 with Retry-After while another call completes it
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.uploads import UPLOADS, Completed, Finished, Key, show_completed
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller


@endpoint(
    UPLOADS,
    operation="upload.complete",
    item=("uploadId", "upload"),
    body=Finished,
    query=Key,
    returns=Completed,
)
def app(request: Request[Finished, Key], caller: Caller) -> Completed:
    upload = uploads.complete(
        caller, request.id("uploadId"), request.query().key, request.body().numbers_and_etags()
    )
    return show_completed(upload, request.origin)


handler = Mangum(app, lifespan="off")
