"""GET /api/docs and GET /api/docs/{file} - The API's documents, readable: Swagger UI over /api/openapi.json,
and the files it names.

Response  the file. A name that contains a hash may be cached for ever; the page itself is not cached and has
          an ETag
Errors    404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import packaged

app = packaged.site(__name__, "docs.html")  # its files are made by `make page`

handler = Mangum(app, lifespan="off")
