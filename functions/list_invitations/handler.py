"""GET /api/auth/organization/list-invitations - the invitations of an organization, the newest first.

Query     organizationId?
Response  [{"id", "organizationId", "email", "role", "status": pending, accepted, canceled or expired,
          "inviterId", "createdAt", "expiresAt"}], at most 1,000
Errors    400; 401; 403 neither owner nor admin; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import Invitation, InvitationsQuery, show_invitation
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    ACCOUNTS,
    operation="invitation.list",
    item=Item("organizationId", "organization", "query"),
    query=InvitationsQuery,
    returns=list[Invitation],
)
def app(_: Request[None, InvitationsQuery], caller: Caller) -> list[Invitation]:
    return [show_invitation(invitation) for invitation in members.list_invitations(caller)]


handler = Mangum(app, lifespan="off")
