"""POST /api/auth/organization/create - create an organization: its owner is the caller, and it has an empty
collection.

In a session it becomes the active organization; the cookie activeTeamId is set to its id.

Body      {"name": 1 to 100 characters, "slug"?: a-z, 0-9 and single hyphens; made of the name, with a suffix
          where that is taken}
Response  {"id", "name", "slug", "role", "createdAt"}
Errors    400 name or slug missing or wrong; 401; 403 the key lacks the scope; 409 slug_taken,
          too_many_organizations
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import NewOrganization, Organization, show_organization
from vitrine.auth import active_team_cookie
from vitrine.dialects import Answer
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import members
from vitrine.models.people import Person


@endpoint(
    ACCOUNTS,
    operation="organization.create",
    body=NewOrganization,
    returns=Organization,
)
def app(request: Request[NewOrganization], person: Person) -> Answer:
    body = request.body()
    created = members.create_organization(person, body.name, body.slug)
    cookies = (active_team_cookie(created.id, secure=request.secure),) if person.session_id else ()
    return Answer(show_organization(created), cookies=cookies)


handler = Mangum(app, lifespan="off")
