"""PATCH /api/media/{mediaId}/select-version"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.given import versions as families
from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE
from tests.given.items import read_item
from tests.given.shapes import hyphened

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_an_item_shows_the_selected_version_until_another_is_selected(tenant: Tenant) -> None:
    item, second, third = families.make(tenant, 3)
    before = tenant.studio.get(f"/api/media/{item}").headers["etag"]
    assert families.active(tenant, item) == third

    answer = families.select(tenant, hyphened(second), **{"if-match": before})

    assert answer.status_code == 200
    now = tenant.studio.get(f"/api/media/{item}")
    assert ({**answer.json()["media"], "frames": 0}, answer.headers["etag"]) == (
        {**now.json()["media"], "frames": 0},
        now.headers["etag"],
    )
    assert (now.json()["media"]["id"], now.json()["media"]["width"], now.headers["etag"] == before) == (
        item,
        42,
        False,
    )
    assert now.json()["media"]["updatedById"] == tenant.owner.user_id.hex
    assert outcome(families.select(tenant, third, **{"if-match": before})) == (
        412,
        {"error": "It has changed since it was read; read it again", "code": "stale"},
    )
    # The selected version stays active when a newer one arrives. The item's own id selects its first version.
    fourth = families.add(tenant, item, 4)
    assert families.active(tenant, item) == second
    assert families.select(tenant, item).json()["media"]["width"] == 41
    assert families.listed(tenant, item) == [
        (item, 1, True),
        (second, 2, False),
        (third, 3, False),
        (fourth, 4, False),
    ]
    # Selecting the newest ready version does not keep it active when a newer one arrives; this is idempotent.
    for _ in range(2):
        assert families.select(tenant, fourth).json()["media"]["width"] == 44
    fifth = families.add(tenant, item, 5)
    assert families.active(tenant, item) == fifth
    assert outcome(families.select(tenant, NOWHERE)) == families.NOT_FOUND
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("many", [64, pytest.param(400, marks=pytest.mark.soak)])
def test_concurrent_selecting_deleting_and_restoring_leaves_one_active_version(
    tenant: Tenant, many: int
) -> None:
    item, *others = families.make(tenant, 5)
    chance = random.Random(many)
    deeds = [
        (chance.choice(["select", "select", "delete", "restore"]), chance.choice([item, *others]))
        for _ in range(many)
    ]

    def done(deed: tuple[str, str]) -> int:
        what, version = deed
        if what == "select":
            return families.select(tenant, version).status_code
        return (
            families.delete(tenant, item, version).status_code
            if what == "delete"
            else families.restore(tenant, version)[0]
        )

    with ThreadPoolExecutor(16) as threads:
        statuses = set(threads.map(done, deeds))

    assert statuses <= {200, 400, 404, 409}
    listed = families.listed(tenant, item)
    assert sum(is_active for _, _, is_active in listed) == 1
    assert families.bytes_and_counts(tenant)[1] == {"active": len(listed), "trash": 5 - len(listed)}
    assert read_item(tenant, item)["width"] == 40 + next(
        number for _, number, is_active in listed if is_active
    )
    assert tenant.inconsistencies() == []
