"""DELETE /api/v1/api-keys/{id} - revoke one of the caller's own API keys, at once; it may be the one of this
request.

Response  {"success", "data": {"revoked", "id", "name"}, "info": {"timestamp"}}, unchanged when it was revoked
          before
Errors    400 in no team; 401; 403; 404 also another person's
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.keys import RevokedKey, parse_key_id, show_revoked_key
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import keys
from vitrine.models.people import Caller


@endpoint(V1, operation="key.revoke", returns=RevokedKey)
def app(request: Request, caller: Caller) -> RevokedKey:
    return show_revoked_key(keys.revoke(caller, parse_key_id(request.text("id"))))


handler = Mangum(app, lifespan="off")
