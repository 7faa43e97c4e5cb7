"""POST /api/auth/organization/cancel-invitation - cancel an invitation. Idempotent.

Body      {"invitationId", "organizationId"?}
Response  {"id", "organizationId", "email", "role", "status", "inviterId", "createdAt", "expiresAt"}
Errors    400; 401; 403 neither owner nor admin; 404 no such invitation; 409 already_accepted
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import Invitation, OneInvitation, show_invitation
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    ACCOUNTS,
    operation="invitation.cancel",
    item=Item("organizationId", "organization", "body"),
    body=OneInvitation,
    returns=Invitation,
)
def app(request: Request[OneInvitation], caller: Caller) -> Invitation:
    return show_invitation(members.cancel_invitation(caller, request.body().invitationId))


handler = Mangum(app, lifespan="off")
