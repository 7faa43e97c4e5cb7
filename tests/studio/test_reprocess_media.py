"""POST /api/media/{mediaId}/reprocess"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.given import pictures, reprocessing
from tests.given import versions as families
from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.items import read_item
from tests.given.protocol import begin
from tests.given.shapes import A_SIGNED_URL, AN_ETAG, hyphened
from tests.given.tenants import http
from tests.worker.test_on_upload_stored import deliver
from vitrine import storage

if TYPE_CHECKING:
    import pytest

    from tests.given.tenants import Tenant
    from vitrine.models.uploads import Stored

PHOTO = pictures.jpeg(64, 40, seed=31)
UNDER_WAY = {"state": "ready", "reason": None, "reprocessing": True}
READY = {"state": "ready", "reason": None}
GONE = (404, {"error": "Media not found", "code": "not_found"})


def test_new_frames_replace_the_old_ones_whose_urls_stay_valid(tenant: Tenant) -> None:
    item = tenant.ready(PHOTO)
    before = tenant.studio.get(f"/api/media/{item}")
    (frame,) = before.json()["media"]["frames"]
    usage = families.bytes_and_counts(tenant)

    answer = reprocessing.ask(
        tenant, hyphened(item), **{"if-match": before.headers["etag"], "idempotency-key": item}
    )

    assert (answer.status_code, answer.json()) == (202, {"id": item, "processing": UNDER_WAY})
    assert answer.headers["etag"] == AN_ETAG
    assert answer.headers["etag"] != before.headers["etag"]
    now = reprocessing.done(tenant, item)
    (new,) = now["frames"]
    assert {**now, "frames": 0, "updatedAt": 0} == {
        **before.json()["media"],
        "frames": 0,
        "updatedAt": 0,
        "updatedById": tenant.owner.user_id.hex,
    }
    assert now["processing"] == READY
    assert new == {**frame, "blob": A_SIGNED_URL, "thumbnailBlob": A_SIGNED_URL}  # the id stays
    for old in (frame["blob"], frame["thumbnailBlob"]):
        assert old.partition("?")[0] not in (
            new["blob"].partition("?")[0],
            new["thumbnailBlob"].partition("?")[0],
        )
    assert {
        http().get(each[name]).status_code for each in (frame, new) for name in ("blob", "thumbnailBlob")
    } == {200}
    # The new frames have as many bytes. The replaced objects stay in the store for a while and are counted.
    reported = families.bytes_and_counts(tenant)[0]
    assert (
        (reported["originals"], reported["derived"])
        == (usage[0]["originals"], 2 * usage[0]["derived"])
        == reprocessing.stored(tenant)
    )
    assert len(reprocessing.locked(tenant)) == 2
    assert tenant.inconsistencies(finished=True) == []

    again = reprocessing.ask(
        tenant, hyphened(item), **{"if-match": before.headers["etag"], "idempotency-key": item}
    )
    assert (again.status_code, again.headers["idempotency-replayed"], again.json()) == (
        202,
        "true",
        answer.json(),
    )
    assert outcome(reprocessing.ask(tenant, item, **{"if-match": before.headers["etag"]})) == (
        412,
        {"error": "It has changed since it was read; read it again", "code": "stale"},
    )
    assert read_item(tenant, item)["processing"] == READY


def test_an_item_that_cannot_be_reprocessed_is_rejected_with_a_reason(tenant: Tenant) -> None:
    folder = tenant.studio.post(
        "/api/folder", json={"datasetId": tenant.collection_id.hex, "name": "A folder"}
    ).json()["folder"]["id"]
    link = {
        "url": "https://nobody.invalid/a.jpg",
        "filename": "a.jpg",
        "fileSize": 1,
        "mimeType": "image/jpeg",
    }
    elsewhere = tenant.studio.post("/api/v1/media", json=link)

    assert outcome(reprocessing.ask(tenant, folder)) == (
        400,
        {"error": "A folder has no frames of its own; reprocess what lies in it", "code": "invalid"},
    )
    assert outcome(reprocessing.ask(tenant, elsewhere.json()["data"]["id"])) == (
        409,
        {
            "error": "There are no bytes to process: this item is a URL, and its file was not fetched",
            "code": "not_fetched",
        },
    )


def test_an_items_id_stands_for_its_active_version(tenant: Tenant) -> None:
    item, second = families.make(tenant, 2)
    first_frames = {
        each["id"]: each["frames"][0]["blob"].partition("?")[0] for each in _versions(tenant, item)
    }

    assert reprocessing.ask(tenant, item).status_code == 202
    reprocessing.done(tenant, item)

    frames = {each["id"]: each["frames"][0]["blob"].partition("?")[0] for each in _versions(tenant, item)}
    assert {version for version, frame in frames.items() if frame != first_frames[version]} == {second}
    # A version that is not active is reprocessed by its own id.
    families.select(tenant, item)
    answer = reprocessing.ask(tenant, second)
    assert (answer.status_code, answer.json()["id"], read_item(tenant, item)["processing"]) == (
        202,
        second,
        READY,
    )
    now = reprocessing.done(tenant, second)
    assert (now["isActive"], now["frames"][0]["blob"].partition("?")[0] != frames[second]) == (False, True)
    # A deleted version is not reprocessed, whether it was deleted alone or with its item.
    families.delete(tenant, item, second)
    deleted = outcome(reprocessing.ask(tenant, second))
    tenant.studio.delete(f"/api/media/{item}")
    assert (deleted, outcome(reprocessing.ask(tenant, item))) == (GONE, GONE)
    assert tenant.inconsistencies() == []


def _versions(tenant: Tenant, item: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = tenant.studio.get(f"/api/media/{item}/versions").json()["versions"]
    return listed


def test_a_failed_item_is_pending_again_and_can_become_ready(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    ready = tenant.ready(PHOTO)
    upload = begin(tenant)
    # a copy sends no event, so only this process handles the object
    storage.copy(_original(ready), upload.answer["key"])
    with reprocessing.too_large(another_environment):
        assert deliver(upload.answer["key"]) == []
    failed = read_item(tenant, upload.media)
    assert (failed["processing"], failed["frames"]) == (
        {"state": "failed", "reason": reprocessing.TOO_LARGE},
        [],
    )

    with reprocessing.too_large(another_environment):
        key = reprocessing.record_request(tenant, upload.media)
        pending = read_item(tenant, upload.media)
        reported = reprocessing.ask(tenant, upload.media).json()
        state = tenant.finished(upload.media, patience=0)["state"]
        inconsistencies = tenant.inconsistencies()
        assert deliver(key) == []

    assert (pending["processing"], state, inconsistencies) == (
        {"state": "pending", "reason": None, "reprocessing": True},
        "stored",
        [],
    )
    assert reported == {"id": upload.media, "processing": pending["processing"]}
    assert read_item(tenant, upload.media)["processing"] == failed["processing"]
    assert reprocessing.ask(tenant, upload.media).status_code == 202
    now = reprocessing.done(tenant, upload.media)
    assert (now["processing"], now["width"], len(now["frames"]), tenant.finished(upload.media)["state"]) == (
        READY,
        64,
        1,
        "ready",
    )
    assert families.bytes_and_counts(tenant)[1] == {"active": 2, "trash": 0}
    assert tenant.inconsistencies() == []


def test_an_item_whose_reprocessing_fails_keeps_its_frames_and_reports_why(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    item = tenant.ready(PHOTO)
    before = tenant.studio.get(f"/api/media/{item}")
    with reprocessing.too_large(another_environment):
        assert deliver(reprocessing.record_request(tenant, item)) == []

    after = tenant.studio.get(f"/api/media/{item}")

    assert after.json()["media"]["processing"] == {**READY, "reprocessFailure": reprocessing.TOO_LARGE}
    assert _frames(after.json()["media"]) == _frames(before.json()["media"])
    assert (
        after.headers["etag"] != before.headers["etag"],
        tenant.finished(item)["state"],
        tenant.inconsistencies(),
    ) == (True, "ready", [])
    assert reprocessing.ask(tenant, item).json()["processing"] == UNDER_WAY
    assert reprocessing.done(tenant, item)["processing"] == READY


def test_one_request_makes_one_generation_however_often_events_arrive(tenant: Tenant) -> None:
    item = tenant.ready(PHOTO)
    key = reprocessing.record_request(tenant, item)
    # The second request reports the first, and sends no message.
    assert (reprocessing.ask(tenant, item).json()["processing"], _messages(item)) == (UNDER_WAY, 0)
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(deliver, [key] * 3)) == [[]] * 3

    assert (_generation(item)[1], len(reprocessing.locked(tenant))) == (2, 2)
    assert deliver(key) == []  # a late event
    assert (read_item(tenant, item)["processing"], _generation(item)[1]) == (READY, 2)
    assert tenant.inconsistencies() == []
    # Concurrent requests make one generation.
    with ThreadPoolExecutor(4) as threads:
        assert {
            answer.status_code for answer in threads.map(lambda _: reprocessing.ask(tenant, item), range(4))
        } == {202}
    reprocessing.done(tenant, item)
    assert len(read_item(tenant, item)["frames"]) == 1
    assert tenant.inconsistencies() == []


def _frames(media: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(frame["id"], frame["blob"].partition("?")[0]) for frame in media["frames"]]


def _generation(version: str) -> tuple[int, int]:
    """The generation of the version's frames, and the number of ledger entries about frames."""
    with owner() as connection:
        found = connection.execute(
            """
            select generation,
                   (select count(*)
                      from storage_ledger
                     where version_id = versions.id
                       and kind = 'derived') as entries
              from versions
             where id = %s
            """,
            [UUID(version)],
        ).fetchone()
    assert found is not None
    return found["generation"], found["entries"]


def _messages(version: str) -> int:
    with owner() as connection:
        return connection.execute(
            "select from outbox where event_key like %s", [f"reprocess:{version}:%"]
        ).rowcount


def _original(item: str) -> Stored:
    with owner() as connection:
        found = connection.execute("select key from versions where id = %s", [UUID(item)]).fetchone()
    assert found is not None
    there = storage.head(found["key"])
    assert there is not None
    return there
