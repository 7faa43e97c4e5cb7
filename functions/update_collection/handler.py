"""PATCH /api/dataset/{datasetId} - rename a collection, or change its icon.

Body      {"name"?, "icon"? (null: none)}, at least one
Response  {"dataset": {...}}, with its new ETag
Errors    400 neither field, or one that cannot be; 401; 403 another organization's, or neither owner nor
          admin; 404; 412 changed since it was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.collections import (
    CollectionChange,
    OneCollection,
    collection_if_match,
    show_one_collection,
)
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="collection.update",
    item=("datasetId", "collection"),
    body=CollectionChange,
    returns=OneCollection,
)
def app(request: Request[CollectionChange], caller: Caller) -> Answer:
    name, icon = request.body().changes()
    check = collection_if_match(request.headers)
    return show_one_collection(
        collections.update(caller, request.id("datasetId"), name=name, icon=icon, check=check)
    )


handler = Mangum(app, lifespan="off")
