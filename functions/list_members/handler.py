"""GET /api/auth/organization/list-members - who is in an organization, the earliest first.

Query     organizationId?, limit? (1 to 1,000, default 100), offset?
Response  {"members": [{"id", "organizationId", "userId", "role", "createdAt", "user": {"id", "name", "email",
          "image"}}], "total"}
Errors    400; 401; 403 not a member, or the key lacks the scope; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import accounts
from vitrine.accounts import organizations
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    accounts.ACCOUNTS,
    operation="member.list",
    item=Item("organizationId", "organization", "query"),
    query=organizations.MembersQuery,
    returns=organizations.Members,
)
def app(request: Request[None, organizations.MembersQuery], caller: Caller) -> organizations.Members:
    query = request.query()
    return organizations.show_members(*members.listed(caller, limit=query.limit, offset=query.offset))


handler = Mangum(app, lifespan="off")
