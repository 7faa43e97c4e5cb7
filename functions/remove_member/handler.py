"""POST /api/auth/organization/remove-member - end somebody's membership: their next request is refused.

Invitations of theirs, and to them, are canceled.

Body      {"memberIdOrEmail", "organizationId"?}
Response  {"member": {"id", "organizationId", "userId", "role", "createdAt", "user": {"id", "name", "email",
          "image"}}}, as they were
Errors    400; 401; 403 neither owner nor admin, or an admin removes an owner; 404 no such member; 409
          last_owner
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
    operation="member.remove",
    item=Item("organizationId", "organization", "body"),
    body=organizations.OneMember,
    returns=organizations.RemovedMember,
)
def app(request: Request[organizations.OneMember], caller: Caller) -> organizations.RemovedMember:
    person, email = request.body().named()
    return organizations.show_removed(members.remove(caller, person=person, email=email))


handler = Mangum(app, lifespan="off")
