"""PATCH /api/media/{mediaId} - rename an item, file or folder, or change its description.

Body      {"name"?, "metadata"?}, at least one. metadata is replaced whole: tags, title, alt and caption
          missing from it are cleared; moderation, exif and processing are the server's own and ignored.
          If-Match with the item's ETag makes that safe
Response  {"media": {...}}, with its new ETag
Errors    400 neither field, a name, tag or text that cannot be one, metadata too large; 401; 403; 404; 412
          changed since it was read
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.descriptions import Change
from vitrine.dialects.studio.media import OneMedia, media_if_match, show_one_media
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="media.update",
    item=("mediaId", "media"),
    body=Change,
    returns=OneMedia,
)
def app(request: Request[Change], caller: Caller) -> Answer:
    name, description = request.body().changes()
    changed = media.update(
        caller,
        request.id("mediaId"),
        name=name,
        description=description,
        check=media_if_match(request.headers),
    )
    return show_one_media(changed, request.links)


handler = Mangum(app, lifespan="off")
