"""GET /api/upload/{mediaId} - the state of an upload: what a client polls once the bytes are sent.

Response  {"mediaId", "state", "reason", "name", "sizeBytes", "bytesUploaded", "partSize", "expiresAt",
          "media"?: as the Studio API shows it}
Errors    401; 403; 404 not the caller's upload
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.uploads import UPLOADS, Status, show_status
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller


@endpoint(UPLOADS, operation="upload.read", item=("mediaId", "upload_version"), returns=Status)
def app(request: Request, caller: Caller) -> Status:
    return show_status(uploads.by_version(caller, request.id("mediaId")), request.links)


handler = Mangum(app, lifespan="off")
