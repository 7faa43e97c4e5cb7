"""GET /api/v1/media - the team's files, verified ones only.

Query     limit 1-100 (20), offset, orderBy createdAt|filename|fileSize, orderDir asc|desc, type
          image|video|all;
          search: all its words, in any form, in title, filename, alt and caption together, or itself as a
          part of one of them;
          tagIds, tagSlugs: separated by commas; any of the first and any of the second
Response  {"success", "data": {"data": [...], "total", "limit", "offset"}, "info": {"timestamp", "limit",
          "offset", "total"}}
Errors    400 with the issues; 401; 403
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(v1, operation="media.list", query=v1.ListQuery, returns=v1.MediaPage)
def app(request: Request[None, v1.ListQuery], caller: Caller) -> v1.MediaPage:
    asked = request.query()
    page = media.list_files(
        caller,
        search=asked.search,
        tag_ids=asked.tag_ids(),
        tag_slugs=asked.tag_slugs(),
        type=asked.type,
        order_by=asked.orderBy,
        descending=asked.orderDir == "desc",
        limit=asked.limit,
        offset=asked.offset,
    )
    return v1.show_page(page, request.links, limit=asked.limit, offset=asked.offset)


handler = Mangum(app, lifespan="off")
