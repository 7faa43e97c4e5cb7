"""POST /api/auth/organization/leave - end one's own membership.

Body      {"organizationId"}
Response  {"id", "organizationId", "userId", "role", "createdAt", "user": {"id", "name", "email", "image"}},
          as one was
Errors    400 organizationId missing; 401; 403 not a member, or the key lacks the scope; 404; 409 last_owner
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import Left, Member, show_member
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    ACCOUNTS,
    operation="organization.leave",
    item=Item("organizationId", "organization", "body"),
    body=Left,
    returns=Member,
)
def app(_: Request[Left], caller: Caller) -> Member:
    return show_member(members.leave(caller))


handler = Mangum(app, lifespan="off")
