"""PATCH /api/v1/media-tags/{id} - change a tag of the team, on every item that has it.

Body      {"name"?, "color"?, "icon"?, "description"?, "order"?, "isActive"?}, at least one; null for no
          color, icon or description. A tag that is not active is hidden, in every listing and on every item,
          until it is active again. A new name changes the slug too, with a suffix where that is another tag's
Response  {"success", "data": {...} as listed, "info": {"timestamp"}}
Errors    400; 401; 403; 404; 409 another tag has the name, be it in other case or with other spaces, dashes
          and underscores
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.tags import OneTag, TagChange, parse_tag_id, show_one_tag
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(V1, operation="tag.update", body=TagChange, returns=OneTag)
def app(request: Request[TagChange], caller: Caller) -> OneTag:
    change = request.body().change()
    return show_one_tag(team_tags.change(caller, parse_tag_id(request.text("id")), change))


handler = Mangum(app, lifespan="off")
