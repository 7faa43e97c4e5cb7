"""POST /api/auth/organization/accept-invitation - join the organization that invited the caller.

The address that was invited must be the caller's. A person who is in the organization already keeps their
role. Idempotent.

Body      {"token"}
Response  {"invitation": {"id", "organizationId", "email", "role", "status", "inviterId", "createdAt",
          "expiresAt"}, "member": {"id", "organizationId", "userId", "role", "createdAt", "user": {"id",
          "name", "email", "image"}}}
Errors    400; 401; 403 other_recipient, or the key lacks the scope; 404 unknown, expired, canceled, replaced
          or used
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import AcceptedInvitation, Token, show_joined
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import members
from vitrine.models.people import Person


@endpoint(
    ACCOUNTS,
    operation="invitation.accept",
    body=Token,
    returns=AcceptedInvitation,
)
def app(request: Request[Token], person: Person) -> AcceptedInvitation:
    return show_joined(members.accept_invitation(person, request.body().token))


handler = Mangum(app, lifespan="off")
