"""POST /api/v1/teams/switch - choose the team of a browser's requests that name none, by the cookie
activeTeamId.

Body      {"teamId"}
Response  {"success", "data": {"id", "name", "slug", "role"}, "info": {"timestamp"}}
Errors    400; 401; 403 TEAM_NOT_FOUND, NOT_A_MEMBER
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.auth import active_team_cookie
from vitrine.dialects import Answer
from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.teams import Chosen, OneTeam, show_one_team
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import members
from vitrine.models.people import Person


@endpoint(V1, operation="team.switch", body=Chosen, returns=OneTeam)
def app(request: Request[Chosen], person: Person) -> Answer:
    team = members.get_organization(person, request.body().team())
    return Answer(show_one_team(team), cookies=(active_team_cookie(team.id, secure=request.secure),))


handler = Mangum(app, lifespan="off")
