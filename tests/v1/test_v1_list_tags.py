"""GET /api/v1/media-tags"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.answers import outcome
from tests.given.tags import folder, given, listed
from tests.given.team_tags import TAGS, done, make, tag

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_the_teams_tags_are_those_of_the_group_tags_by_order_and_name(
    tenant: Tenant, stranger: Tenant
) -> None:
    item = folder(tenant)
    given(tenant, item, {"tags": ["By Studio", "日本"], "color": ["red"], "Tags": ["blue"]})
    given(stranger, folder(stranger), {"tags": ["Theirs"]})
    last = make(tenant, "Last", order=1)
    make(tenant, "apple")
    hidden = make(tenant, "Hidden", isActive=False)

    answer = tenant.studio.get(TAGS)

    japan = answer.json()["data"][2]
    assert outcome(answer) == done(
        [
            tag("By Studio", "by-studio"),
            tag("apple", "apple"),
            tag("日本", japan["slug"]),
            tag("Last", "last", id=last, order=1),
        ]
    )
    assert japan["slug"].startswith("tag-")
    assert hidden not in answer.text
    assert listed(tenant).status_code == 200
    unpaged = tenant.studio.get(TAGS, params={"limit": "1", "status": "x"})  # there is no paging
    assert unpaged.json()["data"] == answer.json()["data"]
