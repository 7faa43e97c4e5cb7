"""GET /api/organization/{orgId}/usage - what an organization stores, as of now.

Response  {"bytes": {"active", "trash", "originals", "derived", "total", "reserved"}, "counts": {"active",
          "trash"}, "limit": bytes or null}. `reserved` is what open uploads may still store; it is not part
          of `total`, but total and reserved together are kept within the limit
Errors    401; 403 not a member, or the key lacks the scope; 404
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.usage import Usage, show_usage
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import usage
from vitrine.models.people import Caller


@endpoint(STUDIO, operation="organization.usage", item=("orgId", "organization"), returns=Usage)
def app(_: Request, caller: Caller) -> Usage:
    return show_usage(usage.read(caller))


handler = Mangum(app, lifespan="off")
