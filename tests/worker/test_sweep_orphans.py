"""sweep_orphans: objects that nothing shows are deleted after a grace period, and no others."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.given import jobs, pictures, reprocessing
from tests.given.protocol import begin
from vitrine import storage
from vitrine.credentials import mint_id
from vitrine.db import transaction, write
from vitrine.library import objects
from vitrine.models.people import Consumer
from vitrine.queries import objects as registry

if TYPE_CHECKING:
    from tests.given.tenants import Tenant
    from vitrine.db import Transaction

PHOTO = pictures.jpeg(96, 64, seed=8)
LATER = timedelta(hours=2)

pytestmark = pytest.mark.usefixtures("separate_stack")


def plan(tenant: Tenant, key: str) -> str:
    """Plan a derived object that no version has, as an attempt that died leaves it."""
    write(
        Consumer(tenant.id),
        registry.plan(tenant.id, key, "derived", version=mint_id(), upload=None, generation=1),
    )
    return key


def mark_deleting(tenant: Tenant, key: str) -> None:
    def work(db: Transaction) -> None:
        db.queue(registry.mark_deleting(tenant.id, [key], "a test"))

    transaction(Consumer(tenant.id), work)


def test_objects_of_a_dead_attempt_are_deleted_after_the_grace_period(tenant: Tenant) -> None:
    put = plan(tenant, f"derived/{tenant.id.hex}/put")
    storage.put(put, b"a frame", "image/jpeg")
    never = plan(tenant, f"derived/{tenant.id.hex}/never")

    assert {put, never} & jobs.run("sweep_orphans").keys() == set()
    assert storage.head(put) is not None
    assert jobs.run("sweep_orphans", later=LATER, dry_run=True)[put] == "given up"
    assert storage.head(put) is not None
    done = jobs.run("sweep_orphans", later=LATER)

    assert (done[put], done[never]) == ("given up", "given up")
    assert storage.head(put) is None
    assert tenant.inconsistencies(finished=True) == []


def test_an_object_marked_for_deletion_is_deleted_at_once_under_its_etag(tenant: Tenant) -> None:
    key = plan(tenant, f"derived/{tenant.id.hex}/marked")
    storage.put(key, b"a frame", "image/jpeg")
    mark_deleting(tenant, key)

    assert jobs.run("sweep_orphans")[key] == "discarded"

    assert storage.head(key) is None
    assert tenant.inconsistencies(finished=True) == []


def test_an_object_that_became_live_is_not_marked_for_deletion(tenant: Tenant) -> None:
    media = tenant.ready(PHOTO)
    keys = [stored.key for stored in storage.list_objects(f"derived/{tenant.id.hex}/")]

    objects.mark_deleting(Consumer(tenant.id), tenant.id, keys, "a sweep that looked before")
    jobs.run("sweep_orphans", later=LATER)

    assert [stored.key for stored in storage.list_objects(f"derived/{tenant.id.hex}/")] == keys
    assert tenant.studio.get(f"/api/media/{media}").status_code == 200
    assert tenant.inconsistencies() == []


def test_a_multipart_upload_without_a_session_is_aborted_and_one_with_a_session_is_not(
    tenant: Tenant,
) -> None:
    wanted = begin(tenant)
    wanted.put(1, PHOTO)
    key = f"originals/{tenant.id.hex}/crashed/between"
    storage.create_multipart(key, checksum_kind="CRC64NVME")

    assert key not in jobs.run("sweep_orphans")
    assert jobs.run("sweep_orphans", later=LATER)[key] == "aborted"

    assert key not in {each.key for each in storage.list_multiparts()}
    assert wanted.complete().status_code == 200
    assert tenant.finished(wanted.media)["state"] == "ready"


def test_nothing_that_is_shown_is_touched(tenant: Tenant) -> None:
    media = tenant.ready(PHOTO)
    before = tenant.studio.get(f"/api/media/{media}").json()["media"]

    jobs.run("sweep_orphans", later=timedelta(days=30))
    jobs.run("expire_uploads", later=timedelta(days=30))

    after = tenant.studio.get(f"/api/media/{media}").json()["media"]
    assert (after["sha256"], after["updatedAt"]) == (before["sha256"], before["updatedAt"])
    assert tenant.inconsistencies() == []


def test_replaced_frames_are_deleted_when_no_signed_url_of_them_is_valid(tenant: Tenant) -> None:
    media = tenant.ready(PHOTO)
    old = {stored.key for stored in storage.list_objects(f"derived/{tenant.id.hex}/")}
    assert reprocessing.ask(tenant, media).status_code == 202
    reprocessing.done(tenant, media)

    assert reprocessing.locked(tenant) == old
    assert old & jobs.run("sweep_orphans", later=timedelta(minutes=59), dry_run=True).keys() == set()
    assert old & jobs.run("sweep_orphans", later=timedelta(minutes=59)).keys() == set()
    assert {objects.discard(Consumer(tenant.id), tenant.id, key) for key in old} == {False}
    assert {key for key in old if storage.head(key) is None} == set()
    done = jobs.run("sweep_orphans", later=timedelta(minutes=62))

    assert {done[key] for key in old} == {"discarded"}
    assert len(old & {stored.key for stored in storage.list_objects(f"derived/{tenant.id.hex}/")}) == 0
    assert (
        tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage").json()["bytes"]["derived"]
        == reprocessing.stored(tenant)[1]
    )
    assert tenant.inconsistencies(finished=True) == []


def test_invariants_report_objects_that_the_sweep_cannot_find(tenant: Tenant) -> None:
    media = tenant.ready(PHOTO)
    stray = f"originals/{tenant.id.hex}/stray"
    storage.put(stray, b"nobody's", "image/jpeg")

    found = tenant.inconsistencies()

    assert found == [f"an object in the store has a row: {stray}: 8 bytes, no row"]
    there = storage.head(stray)
    assert there is not None
    storage.delete(stray, there.etag)
    assert tenant.inconsistencies() == []
    assert tenant.studio.get(f"/api/media/{media}").status_code == 200
