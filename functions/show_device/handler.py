"""GET /device and GET /device/{file} - The page where a signed-in person approves or denies a login at a
device, and the files it names.

Takes     ?user_code=, which it shows; only the person's own click decides
Response  the file. A name that contains a hash may be cached for ever; the page itself is revalidated each
          time, by its ETag
Errors    404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import static_files

app = static_files.site(__name__, "device.html")  # its files are made by `make page`

handler = Mangum(app, lifespan="off")
