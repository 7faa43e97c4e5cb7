"""POST /api/organization/{orgId}/datasets - create an empty collection.

Body      {"name", "icon"?}
Response  the collection, repeated under "dataset"
Errors    400 name missing or too long; 401; 403 not a member, or neither owner, admin nor editor; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.formats import Input
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.collections import CreatedCollection, show_created_collection
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


class Body(Input):
    name: str
    icon: str | None = None


@endpoint(
    STUDIO,
    operation="collection.create",
    item=("orgId", "organization"),
    body=Body,
    returns=CreatedCollection,
)
def app(request: Request[Body], caller: Caller) -> CreatedCollection:
    body = request.body()
    return show_created_collection(collections.create(caller, body.name, body.icon or None))


handler = Mangum(app, lifespan="off")
