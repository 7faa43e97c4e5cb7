"""GET /api/upload/s3/multipart/{uploadId}/{partNumber} - a URL that puts one part. Request another one when
it has expired.

Query     key, size? (bytes) and checksum? (CRC64NVME, base64): bound to the URL, and to be sent as the
          headers answered
Response  {"url", "expires": seconds, "headers"?}
Errors    400 no part number, key missing; 401; 403; 404 not the caller's upload, or another key; 409 the
          upload has ended; 413
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.uploads import UPLOADS, PartQuery, SignedPart, parse_part_number, show_signed_part
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller


@endpoint(
    UPLOADS,
    operation="upload.sign",
    item=("uploadId", "upload"),
    query=PartQuery,
    returns=SignedPart,
)
def app(request: Request[None, PartQuery], caller: Caller) -> SignedPart:
    query = request.query()
    number = parse_part_number(request.text("partNumber"))
    return show_signed_part(
        uploads.sign_part(
            caller, request.id("uploadId"), query.key, number, size=query.size, checksum=query.checksum
        )
    )


handler = Mangum(app, lifespan="off")
