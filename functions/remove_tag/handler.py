"""DELETE /api/media/{mediaId}/tags - remove a tag, or a whole group of tags, from an item.

Body      {"label": the group, "value"?: the one to remove; all of the group when it is absent}. If-Match with
          the item's ETag is honoured
Response  {"media": {...}}, the whole item with its ETag: the one it had where there was nothing to remove, so
          the request is idempotent
Errors    400; 401; 403; 404 no such item; 412 changed since it was read
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
    value: str = ""  # neither null nor "" removes the whole group: both are rejected

    def value_or_none(self) -> str | None:
        return self.value if "value" in self.model_fields_set else None


@endpoint(STUDIO, operation="media.tag", item=("mediaId", "media"), body=Body, returns=OneMedia)
def app(request: Request[Body], caller: Caller) -> Answer:
    body = request.body()
    media = tags.remove(
        caller, request.id("mediaId"), body.label, body.value_or_none(), check=media_if_match(request.headers)
    )
    return show_one_media(media, request.links)


handler = Mangum(app, lifespan="off")
