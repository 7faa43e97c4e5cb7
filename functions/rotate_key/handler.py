"""POST /api/auth/api-keys/{id}/rotate - replace one of the caller's own API keys by a new one with the same
name, scopes and end.

Body      {"overlap"?: seconds for which the old key works beside it, 0 (the default) to 604800}
Response  {"apiKey": {...}, "key", "previous": the old one}: the key itself is in this answer alone. Rotated
          with another key it ends when that does, if it would not end earlier
Errors    400; 401; 403 also when the key reaches what the caller's own key does not; 404 also another
          person's; 409 revoked, rotated already or expired, or an overlap would let it work beside ten others
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.keys import Replaced, Rotation, parse_key_id, show_rotated_key
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys
from vitrine.models.people import Caller


@endpoint(ACCOUNTS, operation="key.rotate", body=Rotation, returns=Replaced, mints_secret=True)
def app(request: Request[Rotation], caller: Caller) -> Replaced:
    rotated = keys.rotate(caller, parse_key_id(request.text("id")), overlap=request.body().overlap)
    return show_rotated_key(rotated)


handler = Mangum(app, lifespan="off")
