"""Recording what was made of an original: anew, late, and while the item is deleted or purged."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tests.given import jobs, pictures, reprocessing
from tests.given import versions as families
from tests.given.isolation_cases import owner
from tests.given.items import read_item
from vitrine.db import read, write
from vitrine.models.people import Consumer
from vitrine.queries import processing, uploads
from vitrine_imaging import recording
from vitrine_imaging.models import Derived, Frame, Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(64, 40, seed=32)


def derived(frames: int, *, size: int = 10) -> Derived:
    """As of a video: so many frames, of so many bytes each."""
    return Derived(
        64,
        40,
        tuple(
            Frame(
                Picture(bytes(size), "image/jpeg", 64, 40),
                Picture(bytes(5), "image/webp", 64, 40),
                at,
                at + 1.0,
            )
            for at in range(frames)
        ),
        b"12345",
    )


def begun(tenant: Tenant, item: str) -> Callable[[Derived], str]:
    """An attempt at an item that is asked for again: what is left to do is to say what was made. The
    upload's state then.
    """
    who = Consumer(tenant.id)
    (upload,) = read(who, uploads.by_version(tenant.id, UUID(item)))
    (attempt,) = write(who, processing.attempt(tenant.id, UUID(item)))
    looked = recording.Looked("image/jpeg", 64, 40, b"0" * 32)
    return lambda made: recording.keep(who, upload, attempt, looked, made).state


def frames(tenant: Tenant, item: str) -> list[tuple[str, str]]:
    """Id and moment of each."""
    return [(frame["id"], frame["timestamp"]) for frame in read_item(tenant, item)["frames"]]


def counted(tenant: Tenant) -> tuple[int, int]:
    """Bytes of originals and of what was derived, as the organization is told; active and trash are the
    total.
    """
    told = families.bytes_and_counts(tenant)[0]
    assert told["active"] + told["trash"] == told["total"] == told["originals"] + told["derived"]
    return told["originals"], told["derived"]


def test_frames_keep_their_ids_and_those_too_many_go_and_no_older_attempt_takes_their_place(
    tenant: Tenant,
) -> None:
    item = tenant.ready(PHOTO)
    seen, made = [frames(tenant, item)], reprocessing.stored(tenant)[1]
    for number, size in ((3, 10), (1, 30), (2, 20)):
        reprocessing.ask_silently(tenant, item)
        assert begun(tenant, item)(derived(number, size=size)) == "ready"
        seen.append(frames(tenant, item))
        made += number * (size + 5)
        assert counted(tenant) == (len(PHOTO), made) == reprocessing.stored(tenant)

    assert [[moment for _, moment in each] for each in seen] == [["0"], ["0", "1", "2"], ["0"], ["0", "1"]]
    assert len({each[0][0] for each in seen}) == 1
    assert seen[3][1] not in seen[1]  # it went, and one came later
    assert len(reprocessing.locked(tenant)) == 2 + 6 + 2
    assert tenant.inconsistencies(finished=True) == []

    # An attempt that began before the frames were made is too late for what is asked since.
    reprocessing.ask_silently(tenant, item)
    slow, quick = begun(tenant, item), begun(tenant, item)
    quick(derived(2))
    reprocessing.ask_silently(tenant, item)

    slow(derived(3))

    assert (len(frames(tenant, item)), read_item(tenant, item)["processing"].get("reprocessing")) == (
        2,
        True,
    )
    begun(tenant, item)(derived(1))
    assert (len(frames(tenant, item)), read_item(tenant, item)["processing"]) == (
        1,
        {"state": "ready", "reason": None},
    )
    assert tenant.inconsistencies(finished=True) == []


def test_deleted_meanwhile_they_count_in_the_trash_and_purged_meanwhile_they_are_thrown_away(
    tenant: Tenant,
) -> None:
    item, other = tenant.ready(PHOTO), tenant.ready(PHOTO)
    for each in (item, other):
        reprocessing.ask_silently(tenant, each)
    in_trash, too_late = begun(tenant, item), begun(tenant, other)

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
    # An older generation goes with the item, whoever has a URL of it.
    tenant.studio.delete(f"/api/media/{item}")
    with owner() as connection:
        connection.execute("update deletions set purge_at = now() where organization_id = %s", [tenant.id])
    jobs.run("purge_deleted")
    assert (reprocessing.stored(tenant), counted(tenant), tenant.inconsistencies(finished=True)) == (
        (0, 0),
        (0, 0),
        [],
    )
