"""POST /api/auth/device/approve - let a device sign in as oneself.

Body      {"userCode"}, with dashes or without, in any case
Response  {"success": true}. The device's next poll gets a session of the person who is signed in here, unless
          this session has ended by then
Errors    400 invalid_request: there is no such code, or it was decided; expired_token: it has expired; 401;
          403 an API key, or another site's page; 429: wrong guesses are counted
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts.devices import DEVICES, Decision, Success
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import devices
from vitrine.models.people import Person


@endpoint(
    DEVICES,
    operation="device.decide",
    failures_only=True,
    body=Decision,
    returns=Success,
)
def app(request: Request[Decision], who: Person) -> Success:
    devices.approve(who, request.body().userCode)
    return {"success": True}


handler = Mangum(app, lifespan="off")
