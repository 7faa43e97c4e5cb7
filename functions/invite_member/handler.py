"""POST /api/auth/organization/invite-member - invite an e-mail address. Nothing is sent: the token is in this
answer alone, for the inviter to pass on.

Inviting an address again replaces what was pending for it. An invitation ends after 7 days, or when its
inviter could no longer offer the role.

Body      {"email", "role": owner, admin, editor, member or viewer, "organizationId"?}
Response  {"id", "organizationId", "email", "role", "status", "inviterId", "createdAt", "expiresAt", "token"}
Errors    400; 401; 403 neither owner nor admin, or an admin invites an owner; 404; 409 already_member,
          too_many_invitations
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import NewInvitation, NewMember, show_offer
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    ACCOUNTS,
    operation="invitation.create",
    item=Item("organizationId", "organization", "body"),
    body=NewMember,
    returns=NewInvitation,
    mints_secret=True,
)
def app(request: Request[NewMember], caller: Caller) -> NewInvitation:
    body = request.body()
    return show_offer(members.invite(caller, body.email, body.role))


handler = Mangum(app, lifespan="off")
