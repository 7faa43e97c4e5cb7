"""POST /api/auth/device/deny - deny a login at a device.

Body      {"userCode"}, with dashes or without, in any case
Response  {"success": true}. The device's next poll gets access_denied; the code cannot be approved any more
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
    devices.deny(who, request.body().userCode)
    return {"success": True}


handler = Mangum(app, lifespan="off")
