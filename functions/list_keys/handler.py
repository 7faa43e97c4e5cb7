"""GET /api/auth/api-keys - the caller's own API keys: those that work, then the others, each newest first.

Response  {"apiKeys": [{"id", "name", "keyPrefix", "scopes", "status": active|expired|inactive (revoked),
          "lastUsedAt" (within five minutes), "expiresAt", "revokedAt" (in the future: rotated, and works
          until then), "createdAt", "updatedAt"}]}; of what works no more the newest 100
Errors    400 in no organization; 401; 403 neither owner nor admin, or the key lacks admin:api-keys
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.keys import Keys, show_keys
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys
from vitrine.models.people import Caller


@endpoint(ACCOUNTS, operation="key.list", returns=Keys)
def app(_: Request, caller: Caller) -> Keys:
    return show_keys(keys.list_keys(caller))


handler = Mangum(app, lifespan="off")
