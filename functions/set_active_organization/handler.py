"""POST /api/auth/organization/set-active - choose the organization of the session's requests that name none.

It is stored with the session, and the cookie activeTeamId is set to its id. null: the session has none, and
the cookie is deleted.

Body      {"organizationId": an id, or null}
Response  {"id", "name", "slug", "role", "createdAt"}, or null
Errors    400; 401; 403 not a member, or an API key; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import ActiveOrganization, Organization, show_active
from vitrine.auth import active_team_cookie
from vitrine.dialects import Answer
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Person


@endpoint(
    ACCOUNTS,
    operation="organization.choose",
    item=Item("organizationId", "organization", "body"),
    body=ActiveOrganization,
    returns=Organization | None,
)
def app(request: Request[ActiveOrganization], person: Person) -> Answer:
    chosen = members.set_active_organization(person, request.body().organizationId)
    cookie = active_team_cookie(chosen.id if chosen else None, secure=request.secure)
    return show_active(chosen, cookie)


handler = Mangum(app, lifespan="off")
