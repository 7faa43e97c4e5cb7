"""PATCH /api/media/{mediaId}/select-version - select the version that its item shows; the first version has
the id of the item.

The item shows it also when newer versions are added, unless it is the newest version that is ready.

Response  {"media": {...}}: the item after the change, with its new ETag
Errors    400 a folder; 401; 403; 404; 409 the version is not ready; 412 the item changed since it was read
          (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.media import OneMedia, media_if_match, show_one_media
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import versions
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="version.select", item=("mediaId", "media"), returns=OneMedia)
def app(request: Request, caller: Caller) -> Answer:
    selected = versions.select(caller, request.id("mediaId"), check=media_if_match(request.headers))
    return show_one_media(selected, request.links)


handler = Mangum(app, lifespan="off")
