"""POST /api/media/{mediaId}/restore"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.given import pictures
from tests.given.isolation_cases import owner
from tests.given.items import delete, folder, path_of, photo, restore, total
from tests.given.usage import usage

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_a_restored_item_is_as_it_was_before(tenant: Tenant) -> None:
    trip = folder(tenant, "trip")
    item = photo(tenant, trip["path"])
    before, used = tenant.studio.get(f"/api/media/{item}").json()["media"], usage(tenant)
    deletion = delete(tenant, item)

    answer = restore(tenant, item)

    assert (answer.status_code, answer.json()) == (
        200,
        {"id": item, "restoredCount": 1, "deletionId": deletion},
    )
    after = tenant.studio.get(f"/api/media/{item}").json()["media"]
    changing = {"updatedAt", "updatedById", "frames"}
    assert {name: value for name, value in after.items() if name not in changing} == {
        n: v for n, v in before.items() if n not in changing
    }
    assert [frame["id"] for frame in after["frames"]] == [frame["id"] for frame in before["frames"]]
    assert usage(tenant) == used
    assert total(tenant, trip["path"]) == 1
    assert tenant.inconsistencies() == []


def test_a_folder_is_restored_with_the_items_of_its_deletion_only(tenant: Tenant) -> None:
    top = folder(tenant, "top")
    below = folder(tenant, "below", top["path"])
    earlier, later, inner = (
        photo(tenant, top["path"]),
        photo(tenant, top["path"], 2),
        photo(tenant, below["path"], 3),
    )
    delete(tenant, earlier)
    delete(tenant, top["id"])

    answer = restore(tenant, top["id"])

    assert answer.json()["restoredCount"] == 2
    assert [
        path_of(tenant, item) is not None for item in (top["id"], below["id"], later, inner, earlier)
    ] == [True, True, True, True, False]
    assert (total(tenant), total(tenant, top["path"]), total(tenant, below["path"])) == (1, 2, 1)
    assert tenant.inconsistencies() == []


def test_any_item_of_a_deletion_restores_the_deletion(tenant: Tenant) -> None:
    top = folder(tenant, "top")
    item = photo(tenant, top["path"])
    delete(tenant, top["id"])

    assert restore(tenant, item).json()["restoredCount"] == 1
    assert path_of(tenant, item) == f"{top['path']}.{item}"


def test_an_item_without_its_parent_is_restored_into_the_nearest_active_folder(tenant: Tenant) -> None:
    top = folder(tenant, "top")
    middle = folder(tenant, "middle", top["path"])
    bottom = folder(tenant, "bottom", middle["path"])
    inner = folder(tenant, "inner", bottom["path"])
    item, within = photo(tenant, bottom["path"]), photo(tenant, inner["path"], 2)
    for each in (item, inner["id"], middle["id"]):
        delete(tenant, each)

    answers = [restore(tenant, item), restore(tenant, inner["id"])]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert path_of(tenant, item) == f"{top['path']}.{item}"
    assert path_of(tenant, inner["id"]) == f"{top['path']}.{inner['id']}"
    assert path_of(tenant, within) == f"{top['path']}.{inner['id']}.{within}"
    assert (total(tenant, top["path"]), total(tenant, f"{top['path']}.{inner['id']}")) == (2, 1)
    assert tenant.inconsistencies() == []

    delete(tenant, top["id"])
    restored = restore(tenant, middle["id"])
    assert (restored.json()["restoredCount"], path_of(tenant, middle["id"])) == (
        0,
        f"{tenant.collection_id.hex}.{middle['id']}",
    )
    assert path_of(tenant, bottom["id"]) == f"{tenant.collection_id.hex}.{middle['id']}.{bottom['id']}"
    assert tenant.inconsistencies() == []


def test_an_item_deleted_during_processing_can_be_restored(tenant: Tenant) -> None:
    item = tenant.post_file(pictures.jpeg(2000, 1500, seed=4))
    while tenant.studio.get(f"/api/media/{item}").status_code == 404:
        pass
    delete(tenant, item)

    assert restore(tenant, item).status_code == 200
    assert tenant.finished(item)["state"] == "ready"
    assert tenant.inconsistencies() == []


def test_frames_derived_during_a_restore_are_counted_in_the_items_state(tenant: Tenant) -> None:
    with owner() as locking, owner() as looking, ThreadPoolExecutor(1) as threads:
        looking.autocommit = True

        def waiting_for(pid: int) -> int:
            """Wait until a process waits for this one, and return its id."""
            while True:
                found = looking.execute(
                    "select pid from pg_stat_activity where %s = any (pg_blocking_pids(pid))", [pid]
                ).fetchone()
                if found is not None:
                    return int(found["pid"])

        def processed() -> str:
            """A deleted item whose upload row is locked during processing. Processing then has counted the
            frames and waits for that row.
            """
            for seed in range(20):
                item = tenant.post_file(pictures.jpeg(3000, 2000, seed=seed))
                while tenant.studio.get(f"/api/media/{item}").status_code == 404:
                    pass
                delete(tenant, item)
                while tenant.studio.get(f"/api/upload/{item}").json()["state"] == "stored":
                    pass
                locked = locking.execute(
                    "select state from uploads where version_id = %s for update", [UUID(item)]
                ).fetchone()
                if locked is not None and locked["state"] == "processing":
                    return item
                locking.rollback()
            pytest.fail("every item was processed before its upload was locked")

        item = processed()
        processing = waiting_for(locking.info.backend_pid)
        restored = threads.submit(restore, tenant, item)
        waiting_for(processing)
        locking.rollback()

        assert restored.result(30).status_code == 200
    assert tenant.finished(item)["state"] == "ready"
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("id_format", ["plain", "hyphens"])
def test_an_active_item_cannot_be_restored(tenant: Tenant, id_format: str) -> None:
    item = folder(tenant, "active")["id"]
    name = item if id_format == "plain" else str(UUID(item))

    answer = restore(tenant, name)

    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "This item is not deleted", "code": "not_deleted"},
    )


@pytest.mark.parametrize("state", ["purging", "purged"])
def test_a_purged_item_is_gone(tenant: Tenant, state: str) -> None:
    item = photo(tenant)
    deletion = delete(tenant, item)
    with owner() as connection:
        connection.execute("update deletions set state = %s where id = %s", [state, UUID(deletion)])

    answer = restore(tenant, item)

    assert (answer.status_code, answer.json()) == (
        410,
        {"error": "This item was deleted for good", "code": "gone"},
    )


def test_of_twenty_concurrent_restores_one_succeeds(tenant: Tenant) -> None:
    item = photo(tenant)
    delete(tenant, item)

    with ThreadPoolExecutor(20) as threads:
        statuses = [answer.status_code for answer in threads.map(lambda _: restore(tenant, item), range(20))]

    assert sorted(statuses) == [200] + [409] * 19
    assert tenant.inconsistencies() == []


def test_concurrent_deleting_and_restoring_stays_consistent(tenant: Tenant) -> None:
    top = folder(tenant, "top")
    item = photo(tenant, top["path"])

    def turn(number: int) -> int:
        target = (top["id"], item)[number % 2]
        return (
            restore(tenant, target) if number % 4 < 2 else tenant.studio.delete(f"/api/media/{target}")
        ).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = set(threads.map(turn, range(80)))

    assert statuses <= {200, 404, 409}
    assert tenant.inconsistencies() == []
