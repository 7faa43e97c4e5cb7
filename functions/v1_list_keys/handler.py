"""GET /api/v1/api-keys - the caller's own API keys: those that work, then the others, each newest first.

Response  {"success", "data": [{"id", "name", "keyPrefix", "scopes", "status": active|expired|inactive
          (revoked), "lastUsedAt", "expiresAt",
          "createdAt"}], "info": {"timestamp"}}; of what works no more the newest 100
Errors    400 in no team; 401; 403
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import v1
from vitrine.dialects.v1 import keys
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys as library
from vitrine.models.people import Caller


@endpoint(v1.V1, operation="key.list", returns=keys.KeyList)
def app(_: Request, caller: Caller) -> keys.KeyList:
    return keys.show_list(library.listed(caller))


handler = Mangum(app, lifespan="off")
