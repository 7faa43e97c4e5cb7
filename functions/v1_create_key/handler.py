"""POST /api/v1/api-keys - create an API key of the caller's own.

Body      {"name": 1 to 100 characters, "scopes": at least one, "expiresAt"? (a time within ten years)}
Response  201 {"success", "data": {...} as listed, and "key", in this answer alone, "info": {"timestamp"}}. A
          key that is made with another one ends when that does, or earlier
Errors    400 also for an end after that of the caller's own key; 401; 403 also when the caller's own key
          lacks a scope to be given; 409 ten keys work already
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.keys import MintedKey, NewKey, show_minted_key
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys
from vitrine.models.people import Caller


@endpoint(V1, operation="key.create", body=NewKey, returns=MintedKey, status=201, mints_secret=True)
def app(request: Request[NewKey], caller: Caller) -> MintedKey:
    body = request.body()
    return show_minted_key(keys.create(caller, body.name, body.scopes, body.expires_at()))


handler = Mangum(app, lifespan="off")
