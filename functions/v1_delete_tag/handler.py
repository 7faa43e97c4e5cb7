"""DELETE /api/v1/media-tags/{id} - delete a tag of the team: no item has it any more, and it cannot be
restored.

Response  {"success", "data": {"message", "success", "id"}, "info": {"timestamp"}}
Errors    401; 403; 404, the second time too
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.tags import DeletedTag, parse_tag_id, show_deleted_tag
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import team_tags
from vitrine.models.people import Caller


@endpoint(V1, operation="tag.delete", returns=DeletedTag)
def app(request: Request, caller: Caller) -> DeletedTag:
    return show_deleted_tag(team_tags.delete(caller, parse_tag_id(request.text("id"))))


handler = Mangum(app, lifespan="off")
