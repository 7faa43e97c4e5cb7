"""Recording the frames of an original: again, late, and while its item is deleted or purged."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tests.given import jobs, pictures, reprocessing
from tests.given import versions as families
from tests.given.isolation_cases import owner
from tests.given.items import read_item
from vitrine import content, queries, storage
from vitrine.db import read, write
from vitrine.library import processing
from vitrine.models.derived import Derived, DerivedFrame, Picture
from vitrine.models.people import Consumer
from vitrine.queries import uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(64, 40, seed=32)


def derived(frames: int, *, size: int = 10) -> Derived:
    """Return frames as of a video, so many, of so many bytes each."""
    return Derived(
        64,
        40,
        tuple(
            DerivedFrame(
                Picture(bytes(size), "image/jpeg", 64, 40),
                Picture(bytes(5), "image/webp", 64, 40),
                at,
                at + 1.0,
            )
            for at in range(frames)
        ),
        b"12345",
    )


def attempt_at(tenant: Tenant, item: str) -> Callable[[Derived], str]:
    """Begin an attempt at an item that was requested again. Return a function that records what was made, and
    returns the upload's state.
    """
    actor = Consumer(tenant.id)
    (upload,) = read(actor, uploads.by_version(tenant.id, UUID(item)))
    (version,) = write(actor, queries.processing.attempt(tenant.id, UUID(item)))
    stored, found = storage.head(version.key), content.sniff(PHOTO)
    if stored is None or found is None:
        raise ValueError("not a picture in the store")
    attempt = processing.ProcessingAttempt(actor, upload, version, stored, found)
    return lambda derived: processing.record(attempt, b"0" * 32, derived).state


def frames(tenant: Tenant, item: str) -> list[tuple[str, str]]:
    """Return the id and timestamp of each frame."""
    return [(frame["id"], frame["timestamp"]) for frame in read_item(tenant, item)["frames"]]


def counted(tenant: Tenant) -> tuple[int, int]:
    """Return the bytes of originals and of derived objects, as the usage reports them; active and trash have
    the same total.
    """
    usage = families.bytes_and_counts(tenant)[0]
    assert usage["active"] + usage["trash"] == usage["total"] == usage["originals"] + usage["derived"]
    return usage["originals"], usage["derived"]


def test_frames_keep_their_ids_surplus_frames_are_dropped_and_older_attempts_are_ignored(
    tenant: Tenant,
) -> None:
    item = tenant.ready(PHOTO)
    seen, made = [frames(tenant, item)], reprocessing.stored(tenant)[1]
    for number, size in ((3, 10), (1, 30), (2, 20)):
        reprocessing.record_request(tenant, item)
        assert attempt_at(tenant, item)(derived(number, size=size)) == "ready"
        seen.append(frames(tenant, item))
        made += number * (size + 5)
        assert counted(tenant) == (len(PHOTO), made) == reprocessing.stored(tenant)

    assert [[moment for _, moment in each] for each in seen] == [["0"], ["0", "1", "2"], ["0"], ["0", "1"]]
    assert len({each[0][0] for each in seen}) == 1
    assert seen[3][1] not in seen[1]  # the first one was dropped, and a new one was made
    assert len(reprocessing.locked(tenant)) == 2 + 6 + 2
    assert tenant.inconsistencies(finished=True) == []

    # An attempt that began before the present frames were made is too old for a later request.
    reprocessing.record_request(tenant, item)
    slow, quick = attempt_at(tenant, item), attempt_at(tenant, item)
    quick(derived(2))
    reprocessing.record_request(tenant, item)

    slow(derived(3))

    assert (len(frames(tenant, item)), read_item(tenant, item)["processing"].get("reprocessing")) == (
        2,
        True,
    )
    attempt_at(tenant, item)(derived(1))
    assert (len(frames(tenant, item)), read_item(tenant, item)["processing"]) == (
        1,
        {"state": "ready", "reason": None},
    )
    assert tenant.inconsistencies(finished=True) == []


def test_frames_of_a_deleted_item_count_in_the_trash_and_those_of_a_purged_item_are_discarded(
    tenant: Tenant,
) -> None:
    item, other = tenant.ready(PHOTO), tenant.ready(PHOTO)
    for each in (item, other):
        reprocessing.record_request(tenant, each)
    in_trash, too_late = attempt_at(tenant, item), attempt_at(tenant, other)

    for each in (item, other):
        assert tenant.studio.delete(f"/api/media/{each}").status_code == 200
    in_trash(derived(1))
    assert families.bytes_and_counts(tenant)[0]["active"] == 0
    assert reprocessing.stored(tenant) == counted(tenant)
    assert reprocessing.ask(tenant, item).status_code == 404
    with owner() as connection:
        connection.execute("update deletions set purge_at = now() where organization_id = %s", [tenant.id])
    assert tenant.studio.post(f"/api/media/{item}/restore").status_code == 200
    assert len(frames(tenant, item)) == 1
    jobs.run("purge_deleted")
    too_late(derived(1))

    assert families.bytes_and_counts(tenant)[1] == {"active": 1, "trash": 0}
    assert reprocessing.stored(tenant) == counted(tenant)
    assert tenant.inconsistencies(finished=True) == []
    # A purge deletes older generations too, even while signed URLs of them are valid.
    tenant.studio.delete(f"/api/media/{item}")
    with owner() as connection:
        connection.execute("update deletions set purge_at = now() where organization_id = %s", [tenant.id])
    jobs.run("purge_deleted")
    assert (reprocessing.stored(tenant), counted(tenant), tenant.inconsistencies(finished=True)) == (
        (0, 0),
        (0, 0),
        [],
    )
