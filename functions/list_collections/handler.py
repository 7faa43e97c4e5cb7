"""GET /api/organization/{orgId}/datasets - the collections of an organization, oldest first.

Response  [{"id", "name", "icon", "type", "organizationId", "isDefault", "createdAt", "updatedAt"}]
Errors    401; 403 not a member, or the key lacks the scope; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


@endpoint(
    studio, operation="collection.list", item=("orgId", "organization"), returns=list[studio.Collection]
)
def app(_: Request, caller: Caller) -> list[studio.Collection]:
    return [studio.show_collection(collection) for collection in collections.list_active(caller)]


handler = Mangum(app, lifespan="off")
