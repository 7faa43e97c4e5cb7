"""GET /api/me - who the caller is, and in which organization.

Response  {"userId", "email", "name", "organizationId", "organizationName", "role"}
Errors    400 in no organization; 401; 403 the organization named is not the caller's; 404 there is none of
          that name
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.me import Me, show_me
from vitrine.http.endpoint import Request, endpoint
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="me.read", returns=Me)
def app(_: Request, caller: Caller) -> Me:
    return show_me(caller)


handler = Mangum(app, lifespan="off")
