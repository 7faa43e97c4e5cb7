"""POST /api/auth/organization/add-member - put somebody who has an account into an organization, by their
e-mail address.

Whether an address has an account is told: so calls that find nobody are counted as attempts to guess are. An
invitation tells nothing.

Body      {"email", "role": owner, admin, editor, member or viewer, "organizationId"?}
Response  {"id", "organizationId", "userId", "role", "createdAt", "user": {"id", "name", "email", "image"}}
Errors    400; 401; 403 neither owner nor admin, or an admin makes an owner; 404 no_such_person; 409
          already_member; 429
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
    operation="member.add",
    failures_only=True,
    item=Item("organizationId", "organization", "body"),
    body=organizations.NewMember,
    returns=organizations.Member,
)
def app(request: Request[organizations.NewMember], caller: Caller) -> organizations.Member:
    body = request.body()
    return organizations.show_member(members.add(caller, body.email, body.role))


handler = Mangum(app, lifespan="off")
