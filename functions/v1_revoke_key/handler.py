"""DELETE /api/v1/api-keys/{id} - one of the caller's own API keys works no more, from this moment on; it may
be the one that asks.

Response  {"success", "data": {"revoked", "id", "name"}, "info": {"timestamp"}}, the same when it was revoked
          before
Errors    400 in no team; 401; 403; 404 also another person's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.dialects.v1 import keys
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys as library
from vitrine.models.people import Caller


@endpoint(v1.V1, operation="key.revoke", returns=keys.RevokedKey)
def app(request: Request, caller: Caller) -> keys.RevokedKey:
    return keys.show_revoked(library.revoke(caller, keys.parse_key_id(request.text("id"))))


handler = Mangum(app, lifespan="off")
