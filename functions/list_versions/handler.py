"""GET /api/media/{mediaId}/versions - the versions of an item, each as itself. The id of a version is
accepted for its item.

Response  {"versions": [{...}]}, as media are shown, the first one first; `isActive` is the one that the item
          shows
Errors    400 a folder; 401; 403; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.versions import Versions, show_versions
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import versions
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="version.list", item=("mediaId", "media"), returns=Versions)
def app(request: Request, caller: Caller) -> Versions:
    return show_versions(versions.list_of_item(caller, request.id("mediaId")), request.links)


handler = Mangum(app, lifespan="off")
