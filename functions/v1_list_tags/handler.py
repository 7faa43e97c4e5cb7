"""GET /api/v1/media-tags - the team's tags.

Response  {"success", "data": [{"id", "type", "slug", "name", "description", "icon", "color", "order",
          "isActive", "createdAt", "updatedAt"}], "info": {"timestamp"}}, by order and name, hidden ones
          aside; the first 5,000
Errors    401; 403
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.tags import TagList, show_tags
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(V1, operation="tag.list", returns=TagList)
def app(_: Request, caller: Caller) -> TagList:
    return show_tags(team_tags.list_visible(caller))


handler = Mangum(app, lifespan="off")
