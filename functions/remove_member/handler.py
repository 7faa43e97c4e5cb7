"""POST /api/auth/organization/remove-member - end a person's membership: their next request is denied.

Invitations by them and to them are canceled.

Body      {"memberIdOrEmail", "organizationId"?}
Response  {"member": {"id", "organizationId", "userId", "role", "createdAt", "user": {"id", "name", "email",
          "image"}}}, as they were
Errors    400; 401; 403 neither owner nor admin, or an admin removes an owner; 404 no such member; 409
          last_owner
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import OneMember, RemovedMember, show_removed
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    ACCOUNTS,
    operation="member.remove",
    item=Item("organizationId", "organization", "body"),
    body=OneMember,
    returns=RemovedMember,
)
def app(request: Request[OneMember], caller: Caller) -> RemovedMember:
    person, email = request.body().id_or_email()
    return show_removed(members.remove(caller, person=person, email=email))


handler = Mangum(app, lifespan="off")
