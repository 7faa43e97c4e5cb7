"""GET /, GET /assets/{file} and GET /favicon.ico - the web page for browsing and uploading, its files, and
the icon.

Response  the file; the icon is SVG. A name that contains a hash may be cached for ever; the page itself is
          revalidated each time, by its ETag
Errors    404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import static_files

# its files are made by `make page`
app = static_files.site(__name__, "page.html", icon="favicon.svg", reaches_store=True)

handler = Mangum(app, lifespan="off")
