"""POST /api/v1/media/{id}/tags - give a file of the team one more tag.

Body      {"tagId"}
Response  201, the tags of the file as GET shows them; nothing changes where it had the tag
Errors    400 with the issues: a tag that is not the team's among them; 401; 403; 404 not there, not yet
          verified, a folder, or another team's;
          409 the tag is hidden, or the file has 500 tags
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.dialects.v1 import tags
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(
    v1.V1, operation="media.add_tag", item=("id", "media"), body=tags.AddTag, returns=tags.TagList, status=201
)
def app(request: Request[tags.AddTag], caller: Caller) -> tags.TagList:
    return tags.show_list(team_tags.add(caller, request.id("id"), request.body().named()))


handler = Mangum(app, lifespan="off")
