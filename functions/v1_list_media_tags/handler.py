"""GET /api/v1/media/{id}/tags - the tags of a file of the team.

Response  {"success", "data": [{"id", "type", "slug", "name", "description", "icon", "color", "order",
          "isActive", "createdAt", "updatedAt"}], "info": {"timestamp"}}, by order and name, hidden ones aside
Errors    401; 403; 404 missing, not yet verified, a folder, or another team's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.tags import TagList, show_tags
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(V1, operation="media.list_tags", item=("id", "media"), returns=TagList)
def app(request: Request, caller: Caller) -> TagList:
    return show_tags(team_tags.list_of_file(caller, request.id("id")))


handler = Mangum(app, lifespan="off")
