"""purge_deleted: what has been in the trash for its retention is removed for good, completely, and nothing
else is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from local import CLONE
from tests.given import collections as collecting
from tests.given import jobs, pictures
from tests.given import versions as families
from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.items import read_item
from tests.given.protocol import begin
from vitrine import storage
from vitrine.library import file_types
from vitrine.library import purge as library
from vitrine_imaging import intake

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.stack import Stack
    from tests.given.tenants import Tenant

MONTH = timedelta(days=30, minutes=1)
GONE_ITEM = (410, {"error": "This item was deleted for good", "code": "gone"})
GONE_COLLECTION = (410, {"error": "This collection was deleted for good", "code": "gone"})
WAITS = "waits for what was deleted in it before"

pytestmark = pytest.mark.usefixtures("separate_stack")


def purge(*, later: timedelta = MONTH, dry_run: bool = False) -> dict[str, str]:
    return jobs.run("purge_deleted", later=later, dry_run=dry_run)


def delete(tenant: Tenant, path: str) -> str:
    """Delete what the path names, and return the id of the deletion."""
    answer = tenant.studio.delete(path)
    assert answer.status_code == 200, answer.text
    deletion: str = answer.json()["deletionId"]
    return deletion


def restored(tenant: Tenant, path: str) -> tuple[int, dict[str, Any]]:
    answer = tenant.studio.post(f"{path}/restore")
    return answer.status_code, answer.json()


def stored(tenant: Tenant) -> list[str]:
    return [
        each.key
        for area in ("originals", "derived")
        for each in storage.list_objects(f"{area}/{tenant.id.hex}/")
    ]


def rows(tenant: Tenant) -> dict[str, int]:
    """Return the number of the tenant's rows in each table that a purge empties, objects included."""
    with owner() as connection:
        counted = connection.execute(
            """
            select (select count(*) from media where organization_id = %(id)s) as media,
                   (select count(*) from versions where organization_id = %(id)s) as versions,
                   (select count(*) from frames where organization_id = %(id)s) as frames,
                   (select count(*) from objects
                     where organization_id = %(id)s and kind <> 'incoming') as objects,
                   (select count(*) from collections
                     where organization_id = %(id)s and not is_default) as collections
            """,
            {"id": tenant.id},
        ).fetchone()
    assert counted is not None
    return dict(counted)


def while_purging(request: Callable[[int], int], count: int) -> set[int]:
    """Call `request` with each number below `count` in four threads, while a fifth thread purges repeatedly.
    Return the statuses that the calls returned.
    """
    over = threading.Event()

    def purge_again() -> None:
        while not over.is_set():
            purge()

    with ThreadPoolExecutor(5) as threads:
        purging = threads.submit(purge_again)
        statuses = set(threads.map(request, range(count)))
        over.set()
        purging.result()
    return statuses


NONE_LEFT = {"media": 0, "versions": 0, "frames": 0, "objects": 0, "collections": 0}


def postpone(deletion: str, by: str | None) -> None:
    """Set when the deletion is purged, as an interval from now; None: never."""
    with owner() as connection:
        connection.execute(
            "update deletions set purge_at = now() + %s::interval where id = %s", [by, UUID(deletion)]
        )


def test_a_file_is_purged_when_its_retention_is_over_and_not_before(tenant: Tenant) -> None:
    item, kept = (
        collecting.photo(tenant, tenant.collection_id.hex, seed=1),
        collecting.photo(tenant, tenant.collection_id.hex, seed=2),
    )
    shown = tenant.studio.get(f"/api/media/{kept}").json()["media"]
    deletion = delete(tenant, f"/api/media/{item}")
    before = collecting.usage(tenant)

    assert deletion not in purge(later=timedelta(days=29, hours=23))
    assert purge(dry_run=True)[deletion] == "would be purged"
    assert (collecting.usage(tenant), rows(tenant)["media"]) == (before, 2)
    assert purge()[deletion] == "purged"

    assert rows(tenant) == {"media": 1, "versions": 1, "frames": 1, "objects": 3, "collections": 0}
    assert len(stored(tenant)) == 3
    after_purge = collecting.usage(tenant)
    assert after_purge["counts"] == {"active": 1, "trash": 0}
    assert (after_purge["bytes"]["active"], after_purge["bytes"]["trash"], after_purge["bytes"]["total"]) == (
        before["bytes"]["active"],
        0,
        before["bytes"]["active"],
    )
    after = tenant.studio.get(f"/api/media/{kept}").json()["media"]
    assert (after["sha256"], after["updatedAt"]) == (shown["sha256"], shown["updatedAt"])
    assert restored(tenant, f"/api/media/{item}") == GONE_ITEM
    assert deletion not in purge()
    assert tenant.inconsistencies(finished=True) == []


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_a_folder_is_purged_with_everything_deleted_with_it(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(library, "AT_ONCE", at_once)
    home = tenant.collection_id.hex
    trip = collecting.folder(tenant, home)
    day = collecting.folder(tenant, home, trip["path"])
    for seed, path in enumerate((trip["path"], day["path"], day["path"])):
        collecting.photo(tenant, home, path, seed)
    deletion = delete(tenant, f"/api/media/{trip['id']}")

    assert purge()[deletion] == "purged"

    assert (rows(tenant), stored(tenant)) == (NONE_LEFT, [])
    assert collecting.usage(tenant) == collecting.NOTHING
    assert restored(tenant, f"/api/media/{trip['id']}") == GONE_ITEM
    assert restored(tenant, f"/api/media/{day['id']}")[0] == 404
    assert tenant.studio.get(f"/api/organization/{tenant.id.hex}/trash").json()["trash"] == []
    assert tenant.inconsistencies(finished=True) == []


def test_a_collection_is_purged_after_its_contents(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    trip = collecting.folder(tenant, made)
    earlier = collecting.photo(tenant, made, trip["path"], 1)
    collecting.photo(tenant, made, trip["path"], 2)
    begin(tenant, metadata={"datasetId": made})
    first = delete(tenant, f"/api/media/{earlier}")
    second = delete(tenant, f"/api/dataset/{made}")

    foreseen, done = purge(dry_run=True), purge()

    assert [(report[first], report[second]) for report in (foreseen, done)] == [
        ("would be purged", WAITS),
        ("purged", "purged"),
    ]
    assert (rows(tenant), stored(tenant)) == (NONE_LEFT, [])
    assert collecting.usage(tenant) == collecting.NOTHING
    assert restored(tenant, f"/api/dataset/{made}") == GONE_COLLECTION
    assert tenant.studio.get(f"/api/dataset/{made}").status_code == 404
    assert tenant.studio.post(f"/api/media/{made}/restore").status_code == 404
    jobs.run("sweep_orphans", later=MONTH)
    assert tenant.inconsistencies(finished=True) == []


@pytest.mark.parametrize("by", [None, "60 days"])
def test_what_is_not_due_keeps_its_folder_and_collection(tenant: Tenant, by: str | None) -> None:
    """A collection and a folder that are due wait for what was deleted in them before; then everything is
    purged.
    """
    made, home = collecting.make(tenant)["id"], tenant.collection_id.hex
    trip = collecting.folder(tenant, home)
    items = [collecting.photo(tenant, made, seed=1), collecting.photo(tenant, home, trip["path"], 2)]
    for item in items:
        postpone(delete(tenant, f"/api/media/{item}"), by)
    deletions = [delete(tenant, f"/api/dataset/{made}"), delete(tenant, f"/api/media/{trip['id']}")]

    foreseen, done = purge(dry_run=True), purge()

    assert [report[deletion] for report in (foreseen, done) for deletion in deletions] == [WAITS] * 4
    assert [
        restored(tenant, path)[0]
        for path in (f"/api/dataset/{made}", *(f"/api/media/{item}" for item in items))
    ] == [200, 200, 200]
    assert collecting.level(tenant, made) == [items[0]]
    assert tenant.inconsistencies(finished=True) == []


def test_a_selection_is_purged_whole(tenant: Tenant) -> None:
    outer = collecting.folder(tenant, tenant.collection_id.hex)
    photo, beside = (
        collecting.photo(tenant, tenant.collection_id.hex, outer["path"]),
        collecting.folder(tenant, tenant.collection_id.hex)["id"],
    )
    chosen = [outer["id"], beside]
    deletion = tenant.studio.post("/api/media/bulk", json={"action": "delete", "ids": chosen}).json()[
        "results"
    ][0]["deletionId"]

    assert purge()[deletion] == "purged"

    assert (rows(tenant), stored(tenant), collecting.usage(tenant)) == (NONE_LEFT, [], collecting.NOTHING)
    assert [restored(tenant, f"/api/media/{each}") for each in chosen] == [GONE_ITEM] * 2
    answered = tenant.studio.post(
        "/api/media/bulk", json={"action": "restore", "ids": [*chosen, photo]}
    ).json()
    # Their contents are not known any more, as of a purged folder.
    assert [each["status"] for each in answered["results"]] == [410, 410, 404]
    assert tenant.inconsistencies() == []


def test_a_deletion_without_a_purge_time_is_never_purged(tenant: Tenant) -> None:
    deletion = delete(tenant, f"/api/media/{collecting.photo(tenant, tenant.collection_id.hex)}")
    postpone(deletion, None)

    assert deletion not in purge(later=timedelta(days=36_500))
    assert rows(tenant)["media"] == 1


def test_a_restored_deletion_is_not_purged(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    collecting.photo(tenant, made)
    deletion = delete(tenant, f"/api/dataset/{made}")
    assert restored(tenant, f"/api/dataset/{made}")[0] == 200

    assert deletion not in purge()
    assert tenant.inconsistencies(finished=True) == []


def test_another_tenants_trash_is_left_alone(tenant: Tenant, stranger: Tenant) -> None:
    ours, theirs = (
        delete(each, f"/api/media/{collecting.photo(each, each.collection_id.hex)}")
        for each in (tenant, stranger)
    )
    postpone(theirs, "60 days")

    assert (ours in (done := purge()), theirs in done) == (True, False)
    assert (rows(tenant)["objects"], rows(stranger)["objects"]) == (0, 3)
    assert stranger.inconsistencies(finished=True) == []


def test_a_file_that_is_deleted_while_it_is_processed_is_purged(tenant: Tenant) -> None:
    deletions = []
    for seed in range(6):
        item = tenant.post_file(pictures.jpeg(2400, 1800, seed=seed))
        while tenant.studio.get(f"/api/media/{item}").status_code == 404:
            time.sleep(0.005)
        deletions.append(delete(tenant, f"/api/media/{item}"))

    done = purge()

    assert {done[deletion] for deletion in deletions} == {"purged"}
    for _ in range(100):  # an attempt in progress discards its frames
        if not stored(tenant):
            break
        time.sleep(0.1)
    assert rows(tenant)["media"] == 0
    jobs.run("sweep_orphans", later=timedelta(hours=2))
    assert stored(tenant) == []
    assert collecting.usage(tenant) == collecting.NOTHING
    assert tenant.inconsistencies(finished=True) == []


# Versions.


def test_a_version_is_purged_alone_and_then_its_item(tenant: Tenant) -> None:
    item, second, third = families.make(tenant, 3)
    pending = begin(tenant, metadata={"sourceMediaId": item})
    pending.put_all(families.picture(4))
    families.delete(tenant, item, third)

    assert "purged" in purge().values()

    assert restored(tenant, f"/api/media/{third}") == GONE_ITEM
    assert (families.bytes_and_counts(tenant)[1], families.listed(tenant, item)) == (
        {"active": 2, "trash": 0},
        [(item, 1, False), (second, 2, True)],
    )
    # one is the open upload's
    assert rows(tenant) == {"media": 1, "versions": 2, "frames": 2, "objects": 7, "collections": 0}
    assert len(stored(tenant)) == 6
    assert tenant.inconsistencies() == []

    # The item waits for the version that was deleted before it; both are due now.
    families.delete(tenant, item, second)
    deletion = delete(tenant, f"/api/media/{item}")
    assert purge(dry_run=True)[deletion] == WAITS
    assert purge()[deletion] == "purged"
    assert (families.bytes_and_counts(tenant)[0]["total"], restored(tenant, f"/api/media/{item}")) == (
        0,
        GONE_ITEM,
    )
    # An object that lands now is rejected with a reason: no new item is made.
    completed = pending.complete()
    assert outcome(completed) == (
        422,
        {"error": f"The file was refused: {families.DELETED}", "code": "upload_rejected"},
    )
    assert (rows(tenant), stored(tenant)) == (NONE_LEFT, [])
    assert tenant.inconsistencies(finished=True) == []


def test_an_item_whose_first_version_is_rejected_keeps_the_others(
    tenant: Tenant, separate_stack: Stack
) -> None:
    """A version may be added before the first one's bytes are checked."""
    separate_stack.kill("worker")
    uploads = []
    for _ in range(2):
        first = begin(tenant)
        first.put_all(b"no picture at all" * 1000)
        first.complete()
        further = begin(tenant, metadata={"sourceMediaId": first.media})
        further.put_all(families.picture(2))
        further.complete()
        assert families.listed(tenant, first.media) == [(first.media, 1, True), (further.media, 2, False)]
        assert read_item(tenant, first.media)["processing"] == {"state": "pending", "reason": None}
        intake.process_upload(further.answer["key"])
        assert families.active(tenant, first.media) == further.media
        uploads.append((first, further))
    (one, its_second), (other, deleted) = uploads
    assert families.delete(tenant, other.media, deleted.media).json() == {
        "deletedId": deleted.media,
        "promotedId": other.media,
    }

    for first, _ in uploads:
        intake.process_upload(first.answer["key"])
    separate_stack.restart("worker")

    assert tenant.finished(one.media)["state"] == "rejected"
    assert families.listed(tenant, one.media) == [(its_second.media, 2, True)]
    assert outcome(families.delete(tenant, one.media, its_second.media)) == (
        409,
        {"error": "The only version cannot be deleted alone; delete the item", "code": "only_version"},
    )
    # What was deleted before can be restored, so the item has to stay.
    status = tenant.finished(other.media)
    assert (status["state"], status["reason"]) == ("failed", file_types.NOT_ACCEPTED)
    assert families.restore(tenant, deleted.media)[0] == 200
    assert families.listed(tenant, other.media) == [(other.media, 1, False), (deleted.media, 2, True)]
    assert tenant.inconsistencies() == []


@pytest.mark.soak
def test_concurrent_deletions_of_a_version_and_its_item_and_purges_stay_consistent(tenant: Tenant) -> None:
    items = [families.make(tenant, 3) for _ in range(2)]

    def turn(number: int) -> int:
        item, second, third = items[number % 2]
        version = (second, third)[number // 2 % 2]
        deeds = (
            lambda: families.delete(tenant, item, version),
            lambda: tenant.studio.delete(f"/api/media/{item}"),
            lambda: families.select(tenant, version),
            lambda: tenant.studio.post(f"/api/media/{version}/restore"),
            lambda: tenant.studio.post(f"/api/media/{item}/restore"),
        )
        return deeds[number // 4 % 5]().status_code

    statuses = while_purging(turn, 30)

    assert statuses <= {200, 404, 409, 410}
    assert tenant.inconsistencies() == []
    purge()
    assert tenant.inconsistencies(finished=True) == []


# Races and faults.


@pytest.mark.soak
def test_concurrent_purge_and_restore_end_in_one_of_the_two(tenant: Tenant) -> None:
    made = [collecting.make(tenant, f"{number}")["id"] for number in range(12)]
    deletions = {}
    for seed, each in enumerate(made):
        collecting.photo(tenant, each, seed=seed)
        deletions[each] = delete(tenant, f"/api/dataset/{each}")

    with ThreadPoolExecutor(5) as threads:
        purging = threads.submit(purge)
        backwards = made[::-1]  # so that both meet in the middle
        answers = dict(
            zip(
                backwards,
                threads.map(lambda each: restored(tenant, f"/api/dataset/{each}"), backwards),
                strict=True,
            )
        )
        done = purging.result()

    for each in made:
        lives = answers[each][0] == 200
        assert lives or answers[each] == GONE_COLLECTION
        assert (done.get(deletions[each]) == "purged") is not lives
        assert (collecting.level(tenant, each) is not None) is lives
    assert len(stored(tenant)) == 3 * sum(status == 200 for status, _ in answers.values())
    assert tenant.inconsistencies(finished=True) == []


def test_concurrent_deletions_restores_and_purges_stay_consistent(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    trip = collecting.folder(tenant, made)
    items = [collecting.photo(tenant, made, trip["path"], seed) for seed in range(6)]
    paths = [f"/api/dataset/{made}", f"/api/media/{trip['id']}", *(f"/api/media/{item}" for item in items)]

    def turn(number: int) -> int:
        path = paths[number % len(paths)]
        return (
            tenant.studio.delete(path) if number % 3 else tenant.studio.post(f"{path}/restore")
        ).status_code

    statuses = while_purging(turn, 80)

    assert statuses <= {200, 404, 409, 410}
    assert tenant.inconsistencies() == []
    purge()
    assert tenant.inconsistencies(finished=True) == []


def test_a_store_that_is_down_leaves_a_deletion_for_later(separate_stack: Stack, tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    collecting.photo(tenant, made)
    deletion = delete(tenant, f"/api/dataset/{made}")

    separate_stack.kill("s3")
    try:
        assert purge()[deletion] == "left for later"
    finally:
        separate_stack.restart("s3")

    assert restored(tenant, f"/api/dataset/{made}") == GONE_COLLECTION
    assert tenant.inconsistencies() == []
    assert purge()[deletion] == "purged"
    assert (rows(tenant), stored(tenant)) == (NONE_LEFT, [])
    assert collecting.usage(tenant) == collecting.NOTHING
    assert tenant.inconsistencies(finished=True) == []


@pytest.mark.soak
@pytest.mark.parametrize("target", ["s3", "postgres"])
def test_the_next_run_continues_a_purge_whose_database_or_store_died(
    separate_stack: Stack, tenant: Tenant, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "AT_ONCE", 3)
    made = collecting.make(tenant)["id"]
    for seed in range(12):
        collecting.photo(tenant, made, seed=seed)
    deletion = delete(tenant, f"/api/dataset/{made}")

    with ThreadPoolExecutor(1) as threads:
        purging = threads.submit(purge)
        while len(stored(tenant)) == 36:
            time.sleep(0.001)
        separate_stack.kill(target)
        purging.exception()
    separate_stack.restart(target)
    assert tenant.inconsistencies() == []
    end_leases()

    assert purge().get(deletion, "purged") == "purged"
    assert (rows(tenant), stored(tenant)) == (NONE_LEFT, [])
    assert collecting.usage(tenant) == collecting.NOTHING
    assert tenant.inconsistencies(finished=True) == []


PURGE = """
from datetime import timedelta
from tests.given import jobs
from vitrine.library import purge
purge.AT_ONCE = 3
jobs.run("purge_deleted", later=timedelta(days=31))
"""


@pytest.mark.soak
@pytest.mark.parametrize("after", [0.0, 0.05, 0.15])  # seconds after the first row is gone
def test_the_next_run_continues_a_killed_purge(tenant: Tenant, after: float) -> None:
    made = collecting.make(tenant)["id"]
    trip = collecting.folder(tenant, made)
    for seed in range(8):
        collecting.photo(tenant, made, trip["path"], seed)
    deletion = delete(tenant, f"/api/dataset/{made}")

    process = subprocess.Popen(
        [sys.executable, "-c", PURGE], cwd=CLONE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    while rows(tenant)["media"] == 9 and process.poll() is None:
        time.sleep(0.005)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert tenant.inconsistencies() == []
    end_leases()

    assert purge().get(deletion, "purged") == "purged"
    assert (rows(tenant), stored(tenant)) == (NONE_LEFT, [])
    assert collecting.usage(tenant) == collecting.NOTHING
    assert restored(tenant, f"/api/dataset/{made}") == GONE_COLLECTION
    assert tenant.inconsistencies(finished=True) == []


def end_leases() -> None:
    """End the lease of a run that died, as if its time had passed."""
    with owner() as connection:
        connection.execute("update job_runs set lease_until = now() where finished_at is null")
