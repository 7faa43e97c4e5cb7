"""DELETE /api/upload/s3/multipart/{uploadId} - abort an upload and delete its parts. Idempotent.

Query     key
Response  {}
Errors    400 key missing; 401; 403; 404 not the caller's upload, or another key; 503 while it is being
          completed
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.uploads import UPLOADS, Key, Nothing
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller


@endpoint(
    UPLOADS,
    operation="upload.abort",
    item=("uploadId", "upload"),
    query=Key,
    returns=Nothing,
)
def app(request: Request[None, Key], caller: Caller) -> Nothing:
    uploads.abort(caller, request.id("uploadId"), request.query().key)
    return {}


handler = Mangum(app, lifespan="off")
