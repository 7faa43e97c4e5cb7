"""GET /api/docs and GET /api/docs/{file} - Swagger UI with /api/openapi.json, and its files.

Response  the file. A name that contains a hash may be cached for ever; the page itself is revalidated each
          time, by its ETag
Errors    404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import static_files

app = static_files.site(__name__, "docs.html")  # its files are made by `make page`

handler = Mangum(app, lifespan="off")
