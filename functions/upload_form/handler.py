"""POST /api/upload/multipart - upload a small file as a form. Larger ones go straight into the store by the
protocol at /api/upload/s3.

Body      multipart/form-data: datasetId, path? (the folder, default the root), file, name? (default the
          file's own, as it was sent). Up to the limit of the deployment (4 MB in Lambda, else
          FORM_MAX_BYTES), which GET /api/v1/media/upload reports. The type is read from the bytes
Response  {"success": true, "mediaId", "url": permanent link, "message"}. The item can be seen at once, its
          frames follow. `url` is null, and the message reports it, where the file was blocked within the
          request
Errors    400 datasetId or file missing, an empty file, no form; 401; 403; 404 collection or folder missing;
          413 over a limit or the quota; 415 a type that is not accepted; 422; 503. An Idempotency-Key is
          ignored: a form sent twice creates two items
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.forms import FormUpload, Uploaded, show_uploaded
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import form_uploads, new_uploads
from vitrine.models.people import Caller

WHERE = Item("datasetId", "collection", "body")


@endpoint(
    STUDIO,
    operation="upload.create",
    item=WHERE,
    body=FormUpload,
    max_files=1,
    returns=Uploaded,
)
def app(request: Request[FormUpload], caller: Caller) -> Uploaded:
    form = request.body()
    new = new_uploads.NewUpload(
        form.file.filename, "", name=form.name or None, collection_id=form.datasetId, path=form.path or None
    )
    return show_uploaded(form_uploads.put_form(caller, new, form.file), request.links)


handler = Mangum(app, lifespan="off")
