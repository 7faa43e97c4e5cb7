"""GET /api/dataset/{datasetId} - one collection.

Response  {"dataset": {"id", "name", "icon", "type", "organizationId", "isDefault", "createdAt",
          "updatedAt"}}, with its ETag
Errors    401; 403 another organization's, or the key lacks the scope; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.collections import OneCollection, show_one_collection
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import collections
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="collection.read", item=("datasetId", "collection"), returns=OneCollection)
def app(request: Request, caller: Caller) -> Answer:
    return show_one_collection(collections.get(caller, request.id("datasetId")))


handler = Mangum(app, lifespan="off")
