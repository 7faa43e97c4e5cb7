"""GET /api/upload/s3/multipart/{uploadId}/batch - URLs for up to 100 parts.

Query     key, partNumbers (1,2,3)
Response  {"presignedUrls": {"1": "...", "2": "..."}}
Errors    400 no part numbers or too many, key missing; 401; 403; 404 not the caller's upload, or another key;
          409 the upload has ended; 413
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.uploads import UPLOADS, BatchQuery, SignedParts, show_signed_parts
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller


@endpoint(
    UPLOADS,
    operation="upload.sign",
    item=("uploadId", "upload"),
    query=BatchQuery,
    returns=SignedParts,
)
def app(request: Request[None, BatchQuery], caller: Caller) -> SignedParts:
    query = request.query()
    return show_signed_parts(uploads.sign_parts(caller, request.id("uploadId"), query.key, query.numbers()))


handler = Mangum(app, lifespan="off")
