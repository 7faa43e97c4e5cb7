"""POST /api/auth/device/token - poll for the session of a login at a device (RFC 8628).

Body      {"client_id", "device_code", "grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, as JSON
          or as a form's fields
Response  {"access_token", "token_type": "Bearer", "expires_in", "scope"}, once: the token is a session's and
          shown here alone
Errors    400 authorization_pending: poll again after the interval; slow_down: it was too early, and is not
          counted; access_denied, expired_token: the login has ended; invalid_grant: no such code, or another
          client's; unsupported_grant_type; invalid_request
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts.devices import DEVICES, Token, TokenRequest, show_token
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import devices
from vitrine.models.people import Nobody


# No rate tier: after a 429 a device gives the login up. Each code has its own interval, with slow_down.
@endpoint(
    DEVICES,
    public=True,
    body=TokenRequest,
    returns=Token,
    mints_secret=True,
    form_encoded=True,
)
def app(request: Request[TokenRequest], _: Nobody) -> Token:
    body = request.body()
    body.require_grant()
    user_agent = request.headers.get("user-agent", "")
    return show_token(
        devices.poll(body.device_code, body.client_id, address=request.address, user_agent=user_agent)
    )


handler = Mangum(app, lifespan="off")
