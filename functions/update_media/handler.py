"""PATCH /api/media/{mediaId} - rename an item, file or folder, or say something else of it.

Body      {"name"?, "metadata"?}, at least one. metadata replaces the whole: tags, title, alt and caption
          missing from it are cleared;
          moderation, exif and processing are the server's own and ignored. If-Match with the item's ETag
          makes that safe
Response  {"media": {...}}, with its new ETag
Errors    400 neither field, a name, tag or text that cannot be one, metadata too large; 401; 403; 404; 412
          changed since it was read
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer, studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(
    studio, operation="media.update", item=("mediaId", "media"), body=studio.Change, returns=studio.OneMedia
)
def app(request: Request[studio.Change], caller: Caller) -> Answer:
    name, said = request.body().wanted()
    changed = media.update(
        caller, request.id("mediaId"), name=name, description=said, check=studio.unchanged(request.headers)
    )
    return studio.show_one(changed, request.links)


handler = Mangum(app, lifespan="off")
