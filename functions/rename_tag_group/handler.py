"""PATCH /api/media/{mediaId}/tags - move the values of one group of an item's tags to another group.

Body      {"oldLabel", "newLabel"}; values that the new group has already are not repeated, and the same label
          changes nothing. If-Match is honoured
Response  {"media": {...}}, the whole item with its ETag
Errors    400; 401; 403; 404 no such item, or it has no tags under oldLabel; 409 a tag is hidden under
          newLabel; 412 changed since it was read
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
    oldLabel: str
    newLabel: str


@endpoint(STUDIO, operation="media.tag", item=("mediaId", "media"), body=Body, returns=OneMedia)
def app(request: Request[Body], caller: Caller) -> Answer:
    body = request.body()
    media = tags.rename_group(
        caller, request.id("mediaId"), body.oldLabel, body.newLabel, check=media_if_match(request.headers)
    )
    return show_one_media(media, request.links)


handler = Mangum(app, lifespan="off")
