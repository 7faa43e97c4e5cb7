"""POST /api/auth/device/code - begin a login at a device without a browser (RFC 8628).

Body      {"client_id": "coreviz-cli", "scope"?: "openid profile email"}, as JSON or as a form's fields
Response  {"device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in",
          "interval"}, times in seconds. The device shows the user code and the address, and polls with the
          device code, which is in this answer alone
Errors    400 invalid_request; 429
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts.devices import DEVICES, Code, CodeRequest, show_code
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import devices
from vitrine.models.people import Nobody


@endpoint(
    DEVICES,
    public=True,
    tier="device",
    body=CodeRequest,
    returns=Code,
    mints_secret=True,
    form_encoded=True,
)
def app(request: Request[CodeRequest], _: Nobody) -> Code:
    body = request.body()
    return show_code(devices.begin(body.client_id, body.scope), request.origin)


handler = Mangum(app, lifespan="off")
