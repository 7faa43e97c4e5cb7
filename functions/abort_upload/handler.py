"""DELETE /api/upload/s3/multipart/{uploadId} - end an upload, its parts with it. May be repeated.

Query     key
Response  {}
Errors    400 key missing; 401; 403; 404 not the caller's upload, or another key; 503 while it is being
          completed
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import uploads as companion
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller


@endpoint(
    companion,
    operation="upload.abort",
    item=("uploadId", "upload"),
    query=companion.Key,
    returns=companion.Nothing,
)
def app(request: Request[None, companion.Key], caller: Caller) -> companion.Nothing:
    uploads.abort(caller, request.id("uploadId"), request.query().key)
    return {}


handler = Mangum(app, lifespan="off")
