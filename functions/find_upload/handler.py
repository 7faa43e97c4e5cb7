"""GET /api/upload - the state of the upload with this key: for a client that has only the key after a reload.

Query     key
Response  as GET /api/upload/{mediaId}
Errors    400 key missing; 401; 403; 404 not the caller's upload
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.uploads import UPLOADS, Key, Status, show_status
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller


@endpoint(
    UPLOADS,
    operation="upload.read",
    item=Item("key", "upload_key", "query"),
    query=Key,
    returns=Status,
)
def app(request: Request[None, Key], caller: Caller) -> Status:
    return show_status(uploads.by_key(caller, request.query().key), request.links)


handler = Mangum(app, lifespan="off")
