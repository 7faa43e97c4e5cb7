"""GET /api/openapi.json - the description of this API: OpenAPI 3.1, made of the functions themselves.

Response  the document
"""

from __future__ import annotations

from pathlib import Path

from mangum import Mangum

from vitrine.dialects import Answer, studio
from vitrine.endpoint import Request, endpoint
from vitrine.models import Nobody

DOCUMENT = Path(__file__).with_name("openapi.json").read_bytes()


@endpoint(studio, public=True)
def app(_: Request, __: Nobody) -> Answer:
    return Answer(DOCUMENT, headers={"content-type": "application/json", "cache-control": "public, max-age=300"})


handler = Mangum(app, lifespan="off")
