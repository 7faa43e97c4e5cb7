"""PATCH /api/dataset/{datasetId} - rename a collection, or give it another icon.

Body      {"name"?, "icon"? (null: none)}, at least one
Response  {"dataset": {...}}, with its new ETag
Errors    400 neither field, or one that cannot be; 401; 403 another organization's, or neither owner nor
          admin; 404; 412 changed since it was read
          (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer, studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


@endpoint(
    studio.STUDIO,
    operation="collection.update",
    item=("datasetId", "collection"),
    body=studio.CollectionChange,
    returns=studio.OneCollection,
)
def app(request: Request[studio.CollectionChange], caller: Caller) -> Answer:
    name, icon = request.body().wanted()
    check = studio.unchanged_collection(request.headers)
    return studio.show_one_collection(
        collections.update(caller, request.id("datasetId"), name=name, icon=icon, check=check)
    )


handler = Mangum(app, lifespan="off")
