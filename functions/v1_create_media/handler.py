"""POST /api/v1/media - register the file at a URL, or import it.

Body      {"url", "filename", "fileSize", "mimeType", "width"?, "height"?, "title"?, "alt"?, "caption"?,
          "import"?}. The URL is one of http or https that leads to a public address, without control
          characters; it is kept and sent in its normalized form (percent-encoded, Punycode). It is not
          requested, unless `import` is true: then the file is fetched soon, and stored like an upload
Response  201 {"success", "data": {...}, "info": {"timestamp"}}. `url` is a permanent link, which leads there.
          An item to be fetched is shown with `processing` pending; it becomes ready, or failed with a reason.
          Its type and size are then those of its content
Errors    400; 401; 403; 409; 413 too large to be fetched, or over the quota; 422; 500
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.media import CreateMedia, OneMedia, show_one_media
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import imports
from vitrine.models.people import Caller


@endpoint(V1, operation="media.register", body=CreateMedia, returns=OneMedia, status=201)
def app(request: Request[CreateMedia], caller: Caller) -> OneMedia:
    body = request.body()
    link = imports.NewLink(
        body.url,
        body.filename,
        body.fileSize,
        body.mimeType,
        width=body.width,
        height=body.height,
        title=body.title,
        alt=body.alt,
        caption=body.caption,
    )
    return show_one_media(imports.register(caller, link, to_be_fetched=body.import_), request.links)


handler = Mangum(app, lifespan="off")
