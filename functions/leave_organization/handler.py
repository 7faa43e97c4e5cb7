"""POST /api/auth/organization/leave - end one's own membership.

Body      {"organizationId"}
Response  {"id", "organizationId", "userId", "role", "createdAt", "user": {"id", "name", "email", "image"}},
          as one was
Errors    400 organizationId missing; 401; 403 not a member, or the key lacks the scope; 404; 409 last_owner
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import accounts
from vitrine.accounts import organizations
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    accounts.ACCOUNTS,
    operation="organization.leave",
    item=Item("organizationId", "organization", "body"),
    body=organizations.Left,
    returns=organizations.Member,
)
def app(_: Request[organizations.Left], caller: Caller) -> organizations.Member:
    return organizations.show_member(members.leave(caller))


handler = Mangum(app, lifespan="off")
