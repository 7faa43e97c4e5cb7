"""GET /api/auth/device - the login that a user code stands for, for the page where a person decides.

Query     user_code, with dashes or without, in any case
Response  {"user_code", "status": "pending" | "approved" | "denied", "clientId", "scope"}
Errors    400 invalid_request: there is no such code; expired_token: it has expired; 429: wrong guesses are
          counted
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts.devices import DEVICES, CodeQuery, Waiting, show_login
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import devices
from vitrine.models.people import Nobody


@endpoint(
    DEVICES,
    public=True,
    tier="auth",
    failures_only=True,
    query=CodeQuery,
    returns=Waiting,
)
def app(request: Request[None, CodeQuery], _: Nobody) -> Waiting:
    return show_login(devices.find(request.query().user_code))


handler = Mangum(app, lifespan="off")
