"""POST /api/v1/media/{id}/tags - add a tag to a file of the team.

Body      {"tagId"}
Response  201, the tags of the file as GET shows them; nothing changes where it had the tag
Errors    400 with the issues: a tag that is not the team's among them; 401; 403; 404 missing, not yet
          verified, a folder, or another team's; 409 the tag is hidden, or the file has 500 tags
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.tags import AddTag, TagList, show_tags
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(V1, operation="media.add_tag", item=("id", "media"), body=AddTag, returns=TagList, status=201)
def app(request: Request[AddTag], caller: Caller) -> TagList:
    return show_tags(team_tags.add(caller, request.id("id"), request.body().tag()))


handler = Mangum(app, lifespan="off")
