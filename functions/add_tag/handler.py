"""POST /api/media/{mediaId}/tags - add a tag to an item, file or folder.

Body      {"label": the group, "value"}; each 1 to 100 characters once trimmed, case-sensitive; at most 500 an
          item. If-Match with the item's ETag is honoured
Response  {"media": {...}}, the whole item with its new ETag
Errors    400; 401; 403; 404; 409 the item has the value already, the item has as many tags as it can, or the
          tag is hidden; 412 changed since it was read
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.formats import Input
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.media import OneMedia, media_if_match, show_one_media
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import tags
from vitrine.models.people import Caller


class Body(Input):
    label: str
    value: str


@endpoint(STUDIO, operation="media.tag", item=("mediaId", "media"), body=Body, returns=OneMedia)
def app(request: Request[Body], caller: Caller) -> Answer:
    body = request.body()
    media = tags.add(
        caller, request.id("mediaId"), body.label, body.value, check=media_if_match(request.headers)
    )
    return show_one_media(media, request.links)


handler = Mangum(app, lifespan="off")
