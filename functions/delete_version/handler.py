"""DELETE /api/media/{mediaId}/versions - put one version of an item in the trash; it can be restored by its
own id.

Query     versionId
Response  {"deletedId", "promotedId": what the item shows in its place, null where it did not show the deleted
          one}
Errors    400 versionId missing, or the first version's, which goes with its item; 401; 403 another
          organization's, or neither owner nor admin; 404 no active version of this item, the second time too;
          409 the only version; 412 the item changed since it was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.media import media_if_match
from vitrine.dialects.studio.versions import DeletedVersion, VersionQuery, show_deleted_version
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import versions
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="version.delete",
    item=("mediaId", "media"),
    query=VersionQuery,
    returns=DeletedVersion,
)
def app(request: Request[None, VersionQuery], caller: Caller) -> DeletedVersion:
    of, check = request.id("mediaId"), media_if_match(request.headers)
    return show_deleted_version(versions.delete(caller, request.query().versionId, of=of, check=check))


handler = Mangum(app, lifespan="off")
