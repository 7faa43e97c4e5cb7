"""GET /api/auth/organization/list - the organizations that the caller is in, the earliest membership first.

Response  [{"id", "name", "slug", "role", "createdAt"}], at most 1,000; empty for a caller who is in none
Errors    401
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import Organization, show_organization
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import members
from vitrine.models.people import Person


@endpoint(ACCOUNTS, operation="organization.list", returns=list[Organization])
def app(_: Request, person: Person) -> list[Organization]:
    return [show_organization(membership) for membership in members.list_organizations(person)]


handler = Mangum(app, lifespan="off")
