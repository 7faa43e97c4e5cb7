"""GET /api/dataset/{datasetId}/media - the items at one level of a collection, newest first.

Query     path (a folder, as browse returns it; default the root), type image|video|folder|all, limit 1-1000
          (10), offset, cursor (nextCursor)
Response  {"media": [...], "pagination": {"total", "limit", "offset", "hasMore", "nextCursor"}}; an item not
          yet verified has blob null
Errors    400 a parameter is wrong, path a file; 401; 403; 404 collection or folder missing; 501 a filter or
          order that is not served yet
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.browse import BrowseQuery, Listing, show_listing
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="media.browse",
    item=("datasetId", "collection"),
    query=BrowseQuery,
    returns=Listing,
)
def app(request: Request[None, BrowseQuery], caller: Caller) -> Listing:
    query = request.query()
    page = media.browse(
        caller,
        request.id("datasetId"),
        path=query.path,
        type=query.type,
        limit=query.limit,
        offset=query.offset,
        cursor=query.after(),
    )
    return show_listing(page, request.links, limit=query.limit, offset=query.offset)


handler = Mangum(app, lifespan="off")
