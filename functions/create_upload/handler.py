"""POST /api/upload/s3/multipart - open an upload whose parts go straight into the store.

Body      {"filename", "type"?, "metadata"?, "size"?: bytes, "checksum"?: {"algorithm":
          "CRC64NVME"|"CRC32C"|"SHA256", "value": base64}, "partSize"?}. With metadata.sourceMediaId, the id
          of an item or of a version, the file becomes a further version of that item, in its place and under
          its name. `type` is a hint: the content decides once the bytes are stored. Of metadata.relativePath
          only the folders count; the name of the file is `filename`
Response  {"key", "uploadId", "bucket", "mediaId", "partSize", "expiresAt"}
Errors    400; 401; 403 neither owner, admin nor editor; 404 collection, folder or item missing; 409 more
          versions than an item may have; 413 over the limit or the quota
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.uploads import UPLOADS, Created, NewMultipart, show_created
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller

WHERE = Item("metadata.datasetId", "collection", "body", "metadata.organizationId")


@endpoint(
    UPLOADS,
    operation="upload.create",
    item=WHERE,
    body=NewMultipart,
    returns=Created,
)
def app(request: Request[NewMultipart], caller: Caller) -> Created:
    return show_created(uploads.create_multipart(caller, request.body().new_upload()))


handler = Mangum(app, lifespan="off")
