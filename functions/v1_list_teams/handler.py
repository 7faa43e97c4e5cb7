"""GET /api/v1/teams - the teams that the caller is in, the default one first.

Response  {"success", "data": [{"id", "name", "slug", "role"}], "info": {"timestamp"}}, at most 1,000
Errors    401
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.teams import Teams, show_teams
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import members
from vitrine.models.people import Person


@endpoint(V1, operation="organization.list", returns=Teams)
def app(_: Request, person: Person) -> Teams:
    return show_teams(members.list_organizations(person))


handler = Mangum(app, lifespan="off")
