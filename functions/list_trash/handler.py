"""GET /api/organization/{orgId}/trash - the deletions that can be restored, newest first.

Query     limit 1-1000 (50), cursor (nextCursor)
Response  {"trash": [{"deletionId", "id", "kind", "name", "type", "datasetId", "deletedAt", "deletedById",
          "purgeAt", "deletedCount"}], "pagination": {"limit", "hasMore", "nextCursor"}}
Errors    400; 401; 403; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.trash import Trash, TrashQuery, show_trash
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="trash.list",
    item=("orgId", "organization"),
    query=TrashQuery,
    returns=Trash,
)
def app(request: Request[None, TrashQuery], caller: Caller) -> Trash:
    query = request.query()
    return show_trash(media.list_trash(caller, limit=query.limit, cursor=query.after()), limit=query.limit)


handler = Mangum(app, lifespan="off")
