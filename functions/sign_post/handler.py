"""GET /api/upload/s3/params - a form that puts one small file straight into the store. There is no Complete:
an S3 event finalizes the upload.

Query     filename, type?,
          metadata[datasetId|path|name|relativePath|title|alt|caption|size|organizationId|sourceMediaId]. With
          sourceMediaId, the id of an item or of a version, the file becomes a further version of that item,
          in its place and under its name. `type` is a hint: the content decides once the bytes are stored. Of
          relativePath only the folders count; the name of the file is `filename`. Without a size the form
          allows as many bytes as any form may have, and no more than is left of the quota
Response  {"method": "POST", "url", "fields", "expires": seconds, "mediaId", "uploadId"}
Errors    400; 401; 403 neither owner, admin nor editor; 404 collection, folder or item missing; 409 more
          versions than an item may have; 413 over the limit or the quota
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.uploads import UPLOADS, NewPost, Posted, show_posted
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import uploads
from vitrine.models.people import Caller

WHERE = Item("metadata.datasetId", "collection", "query", "metadata.organizationId")


@endpoint(
    UPLOADS,
    operation="upload.create",
    own_pages_only=True,
    item=WHERE,
    query=NewPost,
    returns=Posted,
)
def app(request: Request[None, NewPost], caller: Caller) -> Posted:
    return show_posted(uploads.create_post(caller, request.query().new_upload()))


handler = Mangum(app, lifespan="off")
