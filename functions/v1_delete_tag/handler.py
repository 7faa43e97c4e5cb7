"""DELETE /api/v1/media-tags/{id} - delete a tag of the team: no item has it any more, and nothing brings it
back.

Response  {"success", "data": {"message", "success", "id"}, "info": {"timestamp"}}
Errors    401; 403; 404, the second time too
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.dialects.v1 import tags
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(v1.V1, operation="tag.delete", returns=tags.DeletedTag)
def app(request: Request, caller: Caller) -> tags.DeletedTag:
    return tags.show_deleted(team_tags.delete(caller, tags.parse_tag_id(request.text("id"))))


handler = Mangum(app, lifespan="off")
