"""GET /api/v1/media/upload - the limits of form uploads, and the endpoint for larger files.

Response  {"success", "data": {"message", "storage", "uploadPath", "supportedTypes", "maxFileSize",
          "maxImageSize"?, "maxVideoSize"?, "maxRequestSize", "direct": {"endpoint"}}, "info": {"timestamp"}}.
          Sizes are of one file; those of one kind where they are others. `maxRequestSize` is of a form with
          all its files, here and at /api/upload/multipart
Errors    401; 403
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.uploads import UploadLimits, show_limits
from vitrine.http.endpoint import Request, endpoint
from vitrine.library.form_uploads import largest_file
from vitrine.models.people import Caller


@endpoint(V1, operation="media.upload_limits", returns=UploadLimits)
def app(request: Request, _: Caller) -> UploadLimits:
    most = request.max_form_bytes
    return show_limits(
        largest_file(most), largest_file(most, "image"), largest_file(most, "video"), most, request.links
    )


handler = Mangum(app, lifespan="off")
