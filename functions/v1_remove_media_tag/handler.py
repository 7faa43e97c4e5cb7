"""DELETE /api/v1/media/{id}/tags - remove a tag from a file of the team.

Query     tagId
Response  {"success", "data": {"success"}, "info": {"timestamp"}}, also where the file did not have it
Errors    400; 401; 403; 404 missing, not yet verified, a folder, or another team's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.tags import RemovedTag, WhichTag, show_removed_tag
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(V1, operation="media.remove_tag", item=("id", "media"), query=WhichTag, returns=RemovedTag)
def app(request: Request[None, WhichTag], caller: Caller) -> RemovedTag:
    team_tags.remove(caller, request.id("id"), request.query().tag())
    return show_removed_tag()


handler = Mangum(app, lifespan="off")
