"""GET /api/dataset/{datasetId}/duplicates - what a collection holds more than once: files of the same bytes,
then files that look the same.

Query     distance 0-16 (6; bits of 64 in which what looks the same may differ), limit 1-50 groups (10),
          cursor (nextCursor)
Response  {"duplicates": [{"match": "exact"|"near", "count", "items": [{"distance", "media"}]}], "pagination":
          {"limit", "hasMore", "nextCursor"}}
          The first of a group is the one whose upload began first, `distance` that from it. A near group: an
          item that none before it is near to,
          and those near it that are near to none before it. Deleted and unverified items do not count, nor
          versions that are not active
Errors    400; 401; 403; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import duplicates
from vitrine.models.people import Caller


@endpoint(
    studio,
    operation="duplicate.list",
    item=("datasetId", "collection"),
    query=studio.DuplicatesQuery,
    returns=studio.Duplicates,
)
def app(request: Request[None, studio.DuplicatesQuery], caller: Caller) -> studio.Duplicates:
    asked = request.query()
    groups, more = duplicates.list_groups(
        caller, request.id("datasetId"), distance=asked.distance, limit=asked.limit, cursor=asked.after()
    )
    return studio.show_duplicates(groups, request.links, limit=asked.limit, more=more)


handler = Mangum(app, lifespan="off")
