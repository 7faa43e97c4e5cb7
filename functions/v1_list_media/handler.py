"""GET /api/v1/media - the team's files, verified ones only.

Query     limit 1-100 (20), offset, orderBy createdAt|filename|fileSize, orderDir asc|desc, type
          image|video|all; search: all its words, in any form, in title, filename, alt and caption together,
          or itself as a part of one of them; tagIds, tagSlugs: separated by commas; any of the first and any
          of the second
Response  {"success", "data": {"data": [...], "total", "limit", "offset"}, "info": {"timestamp", "limit",
          "offset", "total"}}
Errors    400 with the issues; 401; 403
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.media import ListQuery, MediaPage, show_page
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(V1, operation="media.list", query=ListQuery, returns=MediaPage)
def app(request: Request[None, ListQuery], caller: Caller) -> MediaPage:
    query = request.query()
    page = media.list_files(
        caller,
        search=query.search,
        tag_ids=query.tag_ids(),
        tag_slugs=query.tag_slugs(),
        type=query.type,
        order_by=query.orderBy,
        descending=query.orderDir == "desc",
        limit=query.limit,
        offset=query.offset,
    )
    return show_page(page, request.links, limit=query.limit, offset=query.offset)


handler = Mangum(app, lifespan="off")
