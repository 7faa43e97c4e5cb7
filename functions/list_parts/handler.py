"""GET /api/upload/s3/multipart/{uploadId} - the parts in the store: what a client needs to resume.

Query     key
Response  [{"PartNumber", "Size", "ETag"}], all of them
Errors    400 key missing; 401; 403; 404 not the caller's upload, or another key; 409 the upload has ended
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.uploads import UPLOADS, Key, StoredPart, show_part
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller


@endpoint(
    UPLOADS,
    operation="upload.read",
    item=("uploadId", "upload"),
    query=Key,
    returns=list[StoredPart],
)
def app(request: Request[None, Key], caller: Caller) -> list[StoredPart]:
    return [show_part(part) for part in uploads.parts(caller, request.id("uploadId"), request.query().key)]


handler = Mangum(app, lifespan="off")
