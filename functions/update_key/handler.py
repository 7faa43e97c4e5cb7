"""PATCH /api/auth/api-keys/{id} - rename one of the caller's own API keys, or change its scopes or its end.

Body      {"name"?, "scopes"?, "expiresAt"? (null: never)}, at least one
Response  {"apiKey": {...}}; a key that had expired works again once its end is moved
Errors    400 also when the key would work longer than the caller's own key; 401; 403 also when the key would
          reach what the caller's own key does not; 404 also another person's; 409 revoked or rotated, or it
          would work again beside ten others
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.keys import KeyChange, OneKey, parse_key_id, show_one_key
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys
from vitrine.models.people import Caller


@endpoint(ACCOUNTS, operation="key.update", body=KeyChange, returns=OneKey)
def app(request: Request[KeyChange], caller: Caller) -> OneKey:
    return show_one_key(keys.change(caller, parse_key_id(request.text("id")), request.body().change()))


handler = Mangum(app, lifespan="off")
