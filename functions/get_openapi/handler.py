"""GET /api/openapi.json - the description of this API: OpenAPI 3.1, generated from the functions.

Response  the document; the limit of form uploads in it is that of this deployment
"""

from __future__ import annotations

from pathlib import Path

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.http.bodies import body_limit_sentence
from vitrine.http.endpoint import Request, endpoint
from vitrine.models.people import Nobody
from vitrine.settings import Settings

FORMS = body_limit_sentence(Settings().form_max_bytes).encode()  # the sentence in the packaged document
DOCUMENT = Path(__file__).with_name("openapi.json").read_bytes()


@endpoint(STUDIO, public=True)
def app(request: Request, _: Nobody) -> Answer:
    document = DOCUMENT.replace(FORMS, body_limit_sentence(request.max_form_bytes).encode())
    return Answer(
        document, headers={"content-type": "application/json", "cache-control": "public, max-age=300"}
    )


handler = Mangum(app, lifespan="off")
