"""GET /api/docs and GET /api/docs/{file} - The API's documents, readable: Swagger UI over /api/openapi.json, and the files it names.

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

# The viewer asks this origin alone: a key that is typed into it goes nowhere else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@endpoint(studio, public=True)
def app(request: Request, _: Nobody) -> Answer:
    return packaged.answer(ASSETS, request.text("file") or "docs.html", request.headers, policy=POLICY)


handler = Mangum(app, lifespan="off")
