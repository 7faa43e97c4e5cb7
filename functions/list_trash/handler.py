"""GET /api/organization/{orgId}/trash - what was deleted and can be restored: acts of deletion, newest first.

Query     limit 1-1000 (50), cursor (nextCursor)
Response  {"trash": [{"deletionId", "id", "kind", "name", "type", "datasetId", "deletedAt", "deletedById",
          "purgeAt", "deletedCount"}],
          "pagination": {"limit", "hasMore", "nextCursor"}}
Errors    400; 401; 403; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import studio
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import media
from vitrine.models.people import Caller


@endpoint(
    studio,
    operation="trash.list",
    item=("orgId", "organization"),
    query=studio.TrashQuery,
    returns=studio.Trash,
)
def app(request: Request[None, studio.TrashQuery], caller: Caller) -> studio.Trash:
    asked = request.query()
    return studio.show_trash(
        media.list_trash(caller, limit=asked.limit, cursor=asked.after()), limit=asked.limit
    )


handler = Mangum(app, lifespan="off")
