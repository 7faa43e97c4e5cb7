"""GET /api/organization/{orgId}/datasets - the collections of an organization, oldest first.

Response  [{"id", "name", "icon", "type", "organizationId", "isDefault", "createdAt", "updatedAt"}]
Errors    401; 403 not a member, or the key lacks the scope; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.collections import Collection, show_collection
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="collection.list",
    item=("orgId", "organization"),
    returns=list[Collection],
)
def app(_: Request, caller: Caller) -> list[Collection]:
    return [show_collection(collection) for collection in collections.list_active(caller)]


handler = Mangum(app, lifespan="off")
