"""GET /api/dataset/{datasetId}/tags - the tags that a collection's items have.

Response  {"tags": {group: [values]}}, each once, groups and values by code point; the first 5,000 values.
          Deleted items and hidden tags do not count
Errors    401; 403; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.tags import Tags, show_tags
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import tags
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="tag.list", item=("datasetId", "collection"), returns=Tags)
def app(request: Request, caller: Caller) -> Tags:
    return show_tags(tags.list_of_collection(caller, request.id("datasetId")))


handler = Mangum(app, lifespan="off")
