"""DELETE /api/auth/api-keys/{id} - revoke one of the caller's own API keys, at once; it may be the one of
this request.

Response  {"apiKey": {...}}, unchanged when it was revoked before
Errors    400 in no organization; 401; 403; 404 also another person's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.keys import OneKey, parse_key_id, show_one_key
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys
from vitrine.models.people import Caller


@endpoint(ACCOUNTS, operation="key.revoke", returns=OneKey)
def app(request: Request, caller: Caller) -> OneKey:
    return show_one_key(keys.revoke(caller, parse_key_id(request.text("id"))))


handler = Mangum(app, lifespan="off")
