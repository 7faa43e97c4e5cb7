"""POST /api/organization/{orgId}/datasets - make an empty collection.

Body      {"name", "icon"?}
Response  the collection, and the same again under "dataset"
Errors    400 name missing or too long; 401; 403 not a member, or neither owner, admin nor editor; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import studio
from vitrine.dialects.formats import Input
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


class Body(Input):
    name: str
    icon: str | None = None


@endpoint(
    studio.STUDIO,
    operation="collection.create",
    item=("orgId", "organization"),
    body=Body,
    returns=studio.CreatedCollection,
)
def app(request: Request[Body], caller: Caller) -> studio.CreatedCollection:
    body = request.body()
    return studio.show_created_collection(collections.create(caller, body.name, body.icon or None))


handler = Mangum(app, lifespan="off")
