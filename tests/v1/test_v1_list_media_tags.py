"""GET /api/v1/media/{id}/tags"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.tags import folder, given, hide, photo
from tests.given.team_tags import NO_MEDIA, TAGS, done, make, of, on, tag, team

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_a_files_tags_are_those_of_the_group_tags_by_order_and_name(tenant: Tenant) -> None:
    item = photo(tenant)
    assert outcome(tenant.studio.get(of(item))) == done([])
    given(tenant, item, {"tags": ["Zebra", "hero shot", "Apple"], "color": ["red"]})
    zebra = tenant.studio.get(of(item)).json()["data"][1]["id"]
    assert (
        tenant.studio.patch(
            f"{TAGS}/{zebra}", json={"order": -1, "description": "Striped", "icon": "z", "color": "#000"}
        ).status_code
        == 200
    )
    make(tenant, "Of no file")

    answer = tenant.studio.get(of(item))

    assert outcome(answer) == done(
        [
            tag("Zebra", "zebra", order=-1, description="Striped", icon="z", color="#000"),
            tag("Apple", "apple"),
            tag("hero shot", "hero-shot"),
        ]
    )
    assert team(tenant) == ["Zebra", "Apple", "Of no file", "hero shot"]

    hide(tenant, "tags", "Zebra")
    assert on(tenant, item) == ["Apple", "hero shot"]


def test_what_is_not_a_file_has_no_tags(tenant: Tenant) -> None:
    pending = photo(tenant)
    with owner() as connection:
        connection.execute(
            "update media set verified_at = null, processing = 'pending' where id = %s", [pending]
        )

    assert [
        outcome(tenant.studio.get(f"/api/v1/media/{item}/tags"))
        for item in (NOWHERE, "x", folder(tenant), pending)
    ] == [NO_MEDIA] * 4
