"""POST /api/auth/organization/add-member - add a person who has an account to an organization, by e-mail
address.

The answer shows whether an address has an account, so requests that find no account are rate limited as wrong
guesses are. An invitation shows nothing.

Body      {"email", "role": owner, admin, editor, member or viewer, "organizationId"?}
Response  {"id", "organizationId", "userId", "role", "createdAt", "user": {"id", "name", "email", "image"}}
Errors    400; 401; 403 neither owner nor admin, or an admin makes an owner; 404 no_such_person; 409
          already_member; 429
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import Member, NewMember, show_member
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    ACCOUNTS,
    operation="member.add",
    failures_only=True,
    item=Item("organizationId", "organization", "body"),
    body=NewMember,
    returns=Member,
)
def app(request: Request[NewMember], caller: Caller) -> Member:
    body = request.body()
    return show_member(members.add(caller, body.email, body.role))


handler = Mangum(app, lifespan="off")
