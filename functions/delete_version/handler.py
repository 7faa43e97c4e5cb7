"""DELETE /api/media/{mediaId}/versions - put one version of an item in the trash; it can be restored by its
own id.

Query     versionId
Response  {"deletedId", "promotedId": what the item shows in its place, null where it did not show the deleted
          one}
Errors    400 versionId missing, or the first version's, which goes with its item; 401; 403 another
          organization's, or neither owner nor admin;
          404 no living version of this item, the second time too; 409 the only version; 412 the item changed
          since it was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import versions
from vitrine.models.people import Caller


@endpoint(
    studio.STUDIO,
    operation="version.delete",
    item=("mediaId", "media"),
    query=studio.VersionQuery,
    returns=studio.DeletedVersion,
)
def app(request: Request[None, studio.VersionQuery], caller: Caller) -> studio.DeletedVersion:
    of, check = request.id("mediaId"), studio.unchanged(request.headers)
    return studio.show_deleted_version(versions.delete(caller, request.query().versionId, of=of, check=check))


handler = Mangum(app, lifespan="off")
