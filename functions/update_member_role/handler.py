"""POST /api/auth/organization/update-member-role - change the role of a member.

Only owners grant and revoke the role owner. Admins change all other roles, their own included.

Body      {"memberId": the person's id, "role": owner, admin, editor, member or viewer, "organizationId"?}
Response  {"id", "organizationId", "userId", "role", "createdAt", "user": {"id", "name", "email", "image"}}
Errors    400; 401; 403 neither owner nor admin, or an admin and an owner's role; 404 no such member; 409
          last_owner
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import ChangedMember, Member, show_member
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    ACCOUNTS,
    operation="member.change_role",
    item=Item("organizationId", "organization", "body"),
    body=ChangedMember,
    returns=Member,
)
def app(request: Request[ChangedMember], caller: Caller) -> Member:
    body = request.body()
    return show_member(members.change_role(caller, body.memberId, body.role))


handler = Mangum(app, lifespan="off")
