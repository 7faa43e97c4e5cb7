"""POST /api/auth/organization/update - rename an organization, or change its slug.

Body      {"data": {"name"?, "slug"?}, "organizationId"?}: at least one of the two
Response  {"id", "name", "slug", "role", "createdAt"}
Errors    400 neither of them, or wrong; 401; 403 neither owner nor admin; 404; 409 slug_taken
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import ChangedOrganization, Organization, show_organization
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    ACCOUNTS,
    operation="organization.update",
    item=Item("organizationId", "organization", "body"),
    body=ChangedOrganization,
    returns=Organization,
)
def app(request: Request[ChangedOrganization], caller: Caller) -> Organization:
    changes = request.body().changes()
    return show_organization(members.rename_organization(caller, changes.name, changes.slug))


handler = Mangum(app, lifespan="off")
