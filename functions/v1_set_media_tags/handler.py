"""PUT /api/v1/media/{id}/tags - replace the tags of a file of the team.

Body      {"tagIds": at most 500; repeated ones count once, none removes all tags}
Response  the tags of the file as GET shows them. Tags that only Studio shows, and hidden tags, stay
Errors    400 with the issues: each tag that is not the team's; 401; 403; 404 missing, not yet verified, a
          folder, or another team's; 409 a tag is hidden, or the file would have more than 500 tags. After an
          error nothing has changed
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.tags import SetTags, TagList, show_tags
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(V1, operation="media.set_tags", item=("id", "media"), body=SetTags, returns=TagList)
def app(request: Request[SetTags], caller: Caller) -> TagList:
    return show_tags(team_tags.assign(caller, request.id("id"), request.body().tags()))


handler = Mangum(app, lifespan="off")
