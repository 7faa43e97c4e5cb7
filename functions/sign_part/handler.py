"""GET /api/upload/s3/multipart/{uploadId}/{partNumber} - a URL that puts one part. Ask again when it has
expired.

Query     key, size? (bytes) and checksum? (CRC64NVME, base64): bound to the URL, and to be sent as the
          headers answered
Response  {"url", "expires": seconds, "headers"?}
Errors    400 no part number, key missing; 401; 403; 404 not the caller's upload, or another key; 409 the
          upload has ended; 413
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import uploads as protocol
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller


@endpoint(
    protocol.UPLOADS,
    operation="upload.sign",
    item=("uploadId", "upload"),
    query=protocol.PartQuery,
    returns=protocol.SignedPart,
)
def app(request: Request[None, protocol.PartQuery], caller: Caller) -> protocol.SignedPart:
    asked = request.query()
    number = protocol.parse_part_number(request.text("partNumber"))
    return protocol.show_signed(
        uploads.sign_part(
            caller, request.id("uploadId"), asked.key, number, size=asked.size, checksum=asked.checksum
        )
    )


handler = Mangum(app, lifespan="off")
