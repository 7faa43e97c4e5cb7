"""GET /api/auth/organization/list-members - who is in an organization, the earliest first.

Query     organizationId?, limit? (1 to 1,000, default 100), offset?
Response  {"members": [{"id", "organizationId", "userId", "role", "createdAt", "user": {"id", "name", "email",
          "image"}}], "total"}
Errors    400; 401; 403 not a member, or the key lacks the scope; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.organizations import Members, MembersQuery, show_members
from vitrine.http.endpoint import Item, Request, endpoint
from vitrine.library import members
from vitrine.models.people import Caller


@endpoint(
    ACCOUNTS,
    operation="member.list",
    item=Item("organizationId", "organization", "query"),
    query=MembersQuery,
    returns=Members,
)
def app(request: Request[None, MembersQuery], caller: Caller) -> Members:
    query = request.query()
    return show_members(*members.list_members(caller, limit=query.limit, offset=query.offset))


handler = Mangum(app, lifespan="off")
