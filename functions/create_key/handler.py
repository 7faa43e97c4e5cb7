"""POST /api/auth/api-keys - create an API key of the caller's own. It has the rights of the caller, limited
by its scopes.

Body      {"name": 1 to 100 characters, "scopes": at least one, "expiresAt"? (a time within ten years) or
          "expiresIn"? (seconds)}
Response  {"apiKey": {...} as listed, "key"}: the key itself is in this answer alone. A key that is made with
          another one ends when that does, or earlier
Errors    400 also for an end after that of the caller's own key; 401; 403 neither owner nor admin, or the
          caller's own key lacks admin:api-keys or a scope to be given; 409 ten keys work already
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.keys import NewKey, NewOne, show_minted_key
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys
from vitrine.models.people import Caller


@endpoint(ACCOUNTS, operation="key.create", body=NewKey, returns=NewOne, mints_secret=True)
def app(request: Request[NewKey], caller: Caller) -> NewOne:
    body = request.body()
    return show_minted_key(keys.create(caller, body.name, body.scopes, body.expires_at()))


handler = Mangum(app, lifespan="off")
