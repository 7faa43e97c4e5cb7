"""PATCH /api/media/{mediaId}/select-version - the item of this version shows it from now on; the first
version has the item's own id.

It goes on showing it when newer versions come, unless it is itself the newest that is ready.

Response  {"media": {...}}: the item as it is now, with its new ETag
Errors    400 a folder; 401; 403; 404; 409 the version is not ready; 412 the item changed since it was read
          (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer, studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import versions
from vitrine.models.people import Caller


@endpoint(studio.STUDIO, operation="version.select", item=("mediaId", "media"), returns=studio.OneMedia)
def app(request: Request, caller: Caller) -> Answer:
    selected = versions.select(caller, request.id("mediaId"), check=studio.unchanged(request.headers))
    return studio.show_one(selected, request.links)


handler = Mangum(app, lifespan="off")
