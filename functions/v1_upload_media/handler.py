"""POST /api/v1/media/upload - upload small files as a form. Larger ones go straight into the store by the
protocol at /api/upload/s3.

Body      multipart/form-data: one or more parts `files`, up to 100, up to the limits that GET reports: of one
          file, and of all (4 MB in Lambda). Each is checked by itself, and by its content. Empty ones are
          skipped; a file in a part of another name is listed in `errors`
Response  {"success", "data": {"message", "urls", "media", "count", "storage", "errors"?: [{"filename",
          "error"}]}, "info": {"timestamp"}}. `errors` where files were rejected. The items can be seen at
          once, their frames follow
Errors    400 no files, no form, or none of them accepted (the reason of the first); 401; 403; 409; 413 over
          the limit of the form; 422; 500
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.uploads import UploadedFiles, UploadFiles, require_files, show_uploaded
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import form_uploads
from vitrine.models.people import Caller


@endpoint(
    V1, operation="media.upload", body=UploadFiles, max_files=100, files_field="files", returns=UploadedFiles
)
def app(request: Request[UploadFiles], caller: Caller) -> UploadedFiles:
    results = form_uploads.put_files(
        caller, require_files(request.body()), largest_form=request.max_form_bytes
    )
    return show_uploaded(results, request.skipped, request.links)


handler = Mangum(app, lifespan="off")
