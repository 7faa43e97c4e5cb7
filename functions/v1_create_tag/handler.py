"""POST /api/v1/media-tags - create a tag of the team.

Body      {"name"}: 1 to 100 characters once trimmed, of which a slug of at least 2 can be made: lower case, a
          dash for whatever is not a-z or 0-9
Response  201 {"success", "data": {"id", "slug", "name", "color", "icon", "order", "isActive"}, "info":
          {"timestamp"}}. A tag that has this name already, be it in other case or with other spaces, dashes
          and underscores, gets this spelling and stays as it was otherwise, hidden too. A new tag whose slug
          is another tag's gets a slug with a suffix
Errors    400; 401; 403
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.tags import MadeTag, NewTag, show_created_tag
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(V1, operation="tag.create", body=NewTag, returns=MadeTag, status=201)
def app(request: Request[NewTag], caller: Caller) -> MadeTag:
    return show_created_tag(team_tags.create(caller, request.body().trimmed_name()))


handler = Mangum(app, lifespan="off")
