"""GET /api/v1/api-keys - the caller's own API keys: those that work, then the others, each newest first.

Response  {"success", "data": [{"id", "name", "keyPrefix", "scopes", "status": active|expired|inactive
          (revoked), "lastUsedAt", "expiresAt", "createdAt"}], "info": {"timestamp"}}; of what works no more
          the newest 100
Errors    400 in no team; 401; 403
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.keys import KeyList, show_keys
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys
from vitrine.models.people import Caller


@endpoint(V1, operation="key.list", returns=KeyList)
def app(_: Request, caller: Caller) -> KeyList:
    return show_keys(keys.list_keys(caller))


handler = Mangum(app, lifespan="off")
