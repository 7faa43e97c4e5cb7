"""GET /api/v1/media-tags - the team's tags.

Response  {"success", "data": [{"id", "type", "slug", "name", "description", "icon", "color", "order",
          "isActive", "createdAt", "updatedAt"}],
          "info": {"timestamp"}}, by order and name, hidden ones aside; the first 5,000
Errors    401; 403
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.dialects.v1 import tags
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(v1, operation="tag.list", returns=tags.TagList)
def app(_: Request, caller: Caller) -> tags.TagList:
    return tags.show_list(team_tags.list_visible(caller))


handler = Mangum(app, lifespan="off")
