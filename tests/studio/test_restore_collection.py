"""POST /api/dataset/{datasetId}/restore"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.given import collections as collecting
from tests.given.isolation_cases import owner
from tests.given.items import folder, photo
from tests.given.shapes import A_TIME, hyphened
from tests.given.usage import usage

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_a_restored_collection_is_as_it_was_before(tenant: Tenant) -> None:
    made = collecting.make(tenant, icon="sun")
    trip = folder(tenant, "trip", collection=made["id"])
    day = folder(tenant, "trip", trip["path"], collection=made["id"])
    items = [
        photo(tenant, path, seed, datasetId=made["id"])
        for seed, path in enumerate((None, trip["path"], day["path"]))
    ]
    before = usage(tenant)
    etag = tenant.studio.get(f"/api/dataset/{made['id']}").headers["etag"]
    deletion = collecting.delete(tenant, made["id"]).json()["deletionId"]

    answer = collecting.restore(tenant, hyphened(made["id"]))

    assert (answer.status_code, answer.json()) == (
        200,
        {"id": made["id"], "restoredCount": 3, "deletionId": deletion},
    )
    shown = tenant.studio.get(f"/api/dataset/{made['id']}")
    assert shown.json() == {"dataset": {**made, "updatedAt": A_TIME}}
    assert shown.headers["etag"] != etag
    assert [collecting.level(tenant, made["id"], path) for path in (None, trip["path"], day["path"])] == [
        sorted([trip["id"], items[0]]),
        sorted([day["id"], items[1]]),
        [items[2]],
    ]
    assert usage(tenant) == before
    assert tenant.studio.get("/api/v1/media").json()["data"]["total"] == 3
    assert tenant.studio.get(f"/api/organization/{tenant.id.hex}/trash").json()["trash"] == []
    assert tenant.inconsistencies() == []


def test_items_deleted_before_stay_deleted_and_can_be_restored_separately(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    trip = folder(tenant, "trip", collection=made)
    earlier, later = (
        photo(tenant, trip["path"], 1, datasetId=made),
        photo(tenant, trip["path"], 2, datasetId=made),
    )
    tenant.studio.delete(f"/api/media/{earlier}")
    collecting.delete(tenant, made)

    assert collecting.restore(tenant, made).json()["restoredCount"] == 1

    assert collecting.level(tenant, made, trip["path"]) == [later]
    assert tenant.studio.post(f"/api/media/{earlier}/restore").status_code == 200
    assert collecting.level(tenant, made, trip["path"]) == sorted([earlier, later])
    assert tenant.inconsistencies() == []


def test_an_active_collection_cannot_be_restored(tenant: Tenant) -> None:
    answer = collecting.restore(tenant, tenant.collection_id.hex)

    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "This collection is not deleted", "code": "not_deleted"},
    )


@pytest.mark.parametrize("state", ["purging", "purged"])
def test_a_purged_collection_is_gone(tenant: Tenant, state: str) -> None:
    made = collecting.make(tenant)["id"]
    item = photo(tenant, datasetId=made)
    deletion = collecting.delete(tenant, made).json()["deletionId"]
    with owner() as connection:
        connection.execute("update deletions set state = %s where id = %s", [state, UUID(deletion)])

    answers = [collecting.restore(tenant, made), tenant.studio.post(f"/api/media/{item}/restore")]

    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (410, {"error": "This collection was deleted for good", "code": "gone"}),
        (410, {"error": "This item was deleted for good", "code": "gone"}),
    ]


def test_of_twenty_concurrent_restores_one_succeeds(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    photo(tenant, datasetId=made)
    collecting.delete(tenant, made)

    with ThreadPoolExecutor(20) as threads:
        statuses = [
            answer.status_code
            for answer in threads.map(lambda _: collecting.restore(tenant, made), range(20))
        ]

    assert sorted(statuses) == [200] + [409] * 19
    assert tenant.inconsistencies() == []


def test_concurrent_deleting_and_restoring_stays_consistent(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    trip = folder(tenant, "trip", collection=made)
    item = photo(tenant, trip["path"], datasetId=made)

    def turn(number: int) -> int:
        deletes, path = (
            number % 4 < 2,
            (f"/api/dataset/{made}", f"/api/media/{trip['id']}", f"/api/media/{item}")[number % 3],
        )
        return (tenant.studio.delete(path) if deletes else tenant.studio.post(f"{path}/restore")).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = set(threads.map(turn, range(120)))

    assert statuses <= {200, 404, 409}
    assert tenant.inconsistencies() == []
