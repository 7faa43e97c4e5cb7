"""GET / and GET /assets/{file} - The page to look at what is there and to upload, and the files it names.

Response  the file. A name that holds a hash may be kept for ever; the page itself is asked for anew each time and has an ETag
Errors    404
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mangum import Mangum

from vitrine import packaged
from vitrine.dialects import studio
from vitrine.endpoint import endpoint

if TYPE_CHECKING:
    from vitrine.dialects import Answer
    from vitrine.endpoint import Request
    from vitrine.models import Nobody

ASSETS = Path(__file__).parent / "assets"   # made by `make page`

# Scripts are ours, and bytes go to and come from the store and nobody else. Pictures: data: are the blurred ones, blob: previews of files to upload.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob: {store}; connect-src 'self' {store}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@endpoint(studio, public=True)
def app(request: Request, _: Nobody) -> Answer:
    return packaged.answer(ASSETS, request.text("file") or "page.html", request.headers, policy=POLICY.format(store=request.links.store))


handler = Mangum(app, lifespan="off")
