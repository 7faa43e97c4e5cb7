"""DELETE /api/auth/api-keys/{id} - one of the caller's own API keys works no more, from this moment on; it
may be the one that asks.

Response  {"apiKey": {...}}, the same when it was revoked before
Errors    400 in no organization; 401; 403; 404 also another person's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import accounts
from vitrine.accounts import keys
from vitrine.dialects import formats
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys as library
from vitrine.models.people import Caller


@endpoint(accounts.ACCOUNTS, operation="key.revoke", returns=keys.OneKey)
def app(request: Request, caller: Caller) -> keys.OneKey:
    return keys.show_one(library.revoke(caller, formats.parse_key_id(request.text("id"))))


handler = Mangum(app, lifespan="off")
