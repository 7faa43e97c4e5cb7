"""GET /api/dataset/{datasetId}/duplicates - the duplicates in a collection: files with the same bytes, then
files that look the same.

Query     distance 0-16 (6; bits of 64 in which what looks the same may differ), limit 1-50 groups (10),
          cursor (nextCursor)
Response  {"duplicates": [{"match": "exact"|"near", "count", "items": [{"distance", "media"}]}], "pagination":
          {"limit", "hasMore", "nextCursor"}}. The first item of a group is the one whose upload began first;
          `distance` is the distance from it. The first item of a near group is near to no earlier item; the
          others are near to it, and to no item before it. Deleted and unverified items do not count, nor
          versions that are not active
Errors    400; 401; 403; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.duplicates import Duplicates, DuplicatesQuery, show_duplicates
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import duplicates
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="duplicate.list",
    item=("datasetId", "collection"),
    query=DuplicatesQuery,
    returns=Duplicates,
)
def app(request: Request[None, DuplicatesQuery], caller: Caller) -> Duplicates:
    query = request.query()
    groups, more = duplicates.list_groups(
        caller, request.id("datasetId"), distance=query.distance, limit=query.limit, cursor=query.after()
    )
    return show_duplicates(groups, request.links, limit=query.limit, more=more)


handler = Mangum(app, lifespan="off")
