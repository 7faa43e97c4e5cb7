"""GET /api/media/{mediaId} - one item with its frames, captions, objects and metadata; or one version of it.

An item shows its active version; a version's own id shows that version, with the description of its item.

Response  {"media": {...}}, with an ETag that changes with what is shown of the item's own state
Errors    401; 403 another organization's, or the key lacks the scope; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.media import OneMedia, show_one_media
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="media.read", item=("mediaId", "media"), returns=OneMedia)
def app(request: Request, caller: Caller) -> Answer:
    return show_one_media(media.get(caller, request.id("mediaId")), request.links)


handler = Mangum(app, lifespan="off")
