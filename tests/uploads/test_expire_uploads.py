"""expire_uploads: sessions expire, landed uploads are finalized, lost events are sent again."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from tests.given import jobs, pictures, reprocessing, videos
from tests.given.items import read_item
from tests.given.protocol import begin
from tests.given.tenants import http
from vitrine import storage
from vitrine.db import read
from vitrine.library import finalizing, sweep, upload_lookup
from vitrine.library.invariants import stuck
from vitrine.models.people import Consumer
from vitrine.queries import uploads as rows

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(96, 64, seed=8)
DAY = timedelta(days=1, minutes=1)

pytestmark = pytest.mark.usefixtures("separate_stack")


def backdate(tenant: Tenant, **columns: str) -> None:
    """Set these times of the tenant's uploads, as intervals before now."""
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        for column, ago in columns.items():
            statement = sql.SQL("update uploads set {} = now() - %s::interval where organization_id = %s")
            owner.execute(statement.format(sql.Identifier(column)), [ago, tenant.id])


def state(tenant: Tenant, media: str) -> str:
    answered: str = tenant.studio.get(f"/api/upload/{media}").json()["state"]
    return answered


def form(tenant: Tenant) -> dict[str, Any]:
    signed: dict[str, Any] = tenant.studio.get(
        "/api/upload/s3/params", params={"filename": "a.jpg", "type": "image/jpeg"}
    ).json()
    return signed


def test_a_session_expires_a_day_after_its_last_activity_and_leaves_nothing(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.put(1, PHOTO)
    fresh = begin(tenant)
    backdate(tenant, expires_at="1 second")
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "update uploads set expires_at = now() + interval '1 hour' where version_id = %s", [fresh.media]
        )

    assert upload.answer["uploadId"] in jobs.run("expire_uploads", dry_run=True)
    assert state(tenant, upload.media) == "uploading"
    assert jobs.run("expire_uploads")[upload.answer["uploadId"]] == "expired"

    assert (state(tenant, upload.media), state(tenant, fresh.media)) == ("expired", "created")
    assert [each for each in storage.list_multiparts() if each.key == upload.answer["key"]] == []
    answer = tenant.studio.get(f"{upload.path}/1", params=upload.key)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_expired")
    assert tenant.inconsistencies() == []


def test_signing_keeps_a_session_alive_but_not_beyond_its_deadline(tenant: Tenant) -> None:
    upload = begin(tenant)
    backdate(tenant, expires_at="-1 minute", deadline="-2 hours")

    upload.sign(1)

    (row,) = read(Consumer(tenant.id), rows.by_version(tenant.id, UUID(upload.media)))
    assert row.expires_at == row.deadline


def test_bytes_that_landed_are_finalized_whether_the_session_has_expired_or_not(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.put(1, PHOTO)
    part = upload.parts().json()[0]
    (opened,) = [each.upload_id for each in storage.list_multiparts() if each.key == upload.answer["key"]]
    backdate(tenant, expires_at="1 second")

    storage.complete(upload.answer["key"], opened, [(1, part["ETag"])], size=None, checksum=None)
    jobs.run("expire_uploads")

    assert tenant.finished(upload.media)["state"] == "ready"
    assert tenant.inconsistencies() == []


def test_a_form_posted_after_its_session_ended_revives_it(tenant: Tenant) -> None:
    signed = form(tenant)
    backdate(tenant, expires_at="1 second")
    assert jobs.run("expire_uploads")[signed["uploadId"]] == "expired"

    assert http().post(signed["url"], data=signed["fields"], files={"file": PHOTO}).status_code == 201

    assert tenant.finished(signed["mediaId"])["state"] == "ready"
    assert tenant.inconsistencies() == []


def test_a_form_posted_after_an_abort_is_deleted(tenant: Tenant) -> None:
    signed = form(tenant)
    aborted = tenant.studio.delete(
        f"/api/upload/s3/multipart/{signed['uploadId']}", params={"key": signed["fields"]["key"]}
    )
    assert (aborted.status_code, aborted.json()) == (200, {})

    assert http().post(signed["url"], data=signed["fields"], files={"file": PHOTO}).status_code == 201
    reference = upload_lookup.locate(signed["fields"]["key"])
    assert reference is not None
    upload = upload_lookup.find(Consumer(tenant.id), tenant.id, reference.id)
    assert upload is not None
    finalizing.finalize(Consumer(tenant.id), upload.reference)

    assert storage.head(signed["fields"]["key"]) is None
    assert state(tenant, signed["mediaId"]) == "aborted"
    assert tenant.inconsistencies() == []


def test_an_upload_can_be_completed_again_after_a_completing_call_died(tenant: Tenant) -> None:
    upload = begin(tenant)
    parts = upload.put_all(PHOTO)
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "update uploads set state = 'completing', lease_until = now() + interval '5 minutes'"
            " where organization_id = %s",
            [tenant.id],
        )
    busy = upload.complete(parts)
    assert (busy.status_code, busy.json()["code"], "retry-after" in busy.headers) == (503, "busy", True)
    assert upload.abort().status_code == 503

    assert jobs.run("expire_uploads", later=timedelta(minutes=6))[upload.answer["uploadId"]] == "given back"

    assert upload.complete(parts).status_code == 200
    assert tenant.finished(upload.media)["state"] == "ready"
    assert tenant.inconsistencies() == []


def test_a_lost_event_is_sent_again_until_the_upload_has_failed(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.complete(upload.put_all(PHOTO))
    tenant.finished(upload.media)
    _unprocess(tenant)
    upload_id = upload.answer["uploadId"]

    deeds = [jobs.run("expire_uploads", later=DAY).get(upload_id) for _ in range(sweep.RESENDS + 1)]

    assert deeds == ["sent again"] * sweep.RESENDS + ["given up"]
    answered = tenant.studio.get(f"/api/upload/{upload.media}").json()
    assert (answered["state"], answered["reason"]) == (
        "failed",
        f"The file could not be processed in {sweep.RESENDS} tries",
    )
    assert tenant.inconsistencies() == []


def test_a_lost_request_for_new_frames_is_reported_and_sent_again_until_it_has_failed(
    tenant: Tenant,
) -> None:
    media = tenant.ready(PHOTO)
    before = read_item(tenant, media)["frames"][0]["blob"].partition("?")[0]
    reprocessing.record_request(tenant, media)
    waits = f"reprocessing of version {UUID(media)} waits since "
    assert [line for line in stuck() if line.startswith(waits)] == []
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "update versions set reprocess_requested_at = now() - interval '4 hours' where id = %s",
            [UUID(media)],
        )
    assert len([line for line in stuck() if line.startswith(waits)]) == 1

    assert media not in jobs.run("expire_uploads")
    assert jobs.run("expire_uploads", later=DAY)[media] == "asked for again"
    jobs.run("send_outbox")
    shown = reprocessing.done(tenant, media)
    made = shown["frames"][0]["blob"].partition("?")[0]
    assert (shown["processing"], made != before) == ({"state": "ready", "reason": None}, True)

    reprocessing.record_request(tenant, media)
    deeds = [jobs.run("expire_uploads", later=DAY).get(media) for _ in range(sweep.RESENDS + 1)]

    assert deeds == ["asked for again"] * sweep.RESENDS + ["given up"]
    shown = read_item(tenant, media)
    assert shown["processing"] == {"state": "ready", "reason": None, "reprocessFailure": sweep.TOO_OFTEN}
    assert (shown["frames"][0]["blob"].partition("?")[0], state(tenant, media), tenant.inconsistencies()) == (
        made,
        "ready",
        [],
    )


def test_a_video_whose_message_was_lost_is_processed_from_the_start(tenant: Tenant) -> None:
    media = tenant.ready(videos.video(seconds=1), "film.mp4", "video/mp4")
    _unprocess(tenant)
    assert state(tenant, media) == "stored"

    jobs.run("expire_uploads", later=DAY)
    jobs.run("send_outbox")

    assert tenant.finished(media)["state"] == "ready"
    assert len(tenant.studio.get(f"/api/media/{media}").json()["media"]["frames"]) == 2
    assert tenant.inconsistencies() == []


def _unprocess(tenant: Tenant) -> None:
    """Undo the processing, as if no event had come: the version is pending, has no frames, and its item is
    not counted.
    """
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        for table in ("frames", "perceptual_hashes", "count_ledger", "counts", "collection_counts"):
            owner.execute(
                sql.SQL("delete from {} where organization_id = %s").format(sql.Identifier(table)),
                [tenant.id],
            )
        owner.execute(
            "delete from storage_ledger where organization_id = %s and kind = 'derived'", [tenant.id]
        )
        derived = owner.execute(
            "delete from objects where organization_id = %s and kind = 'derived' returning key, etag",
            [tenant.id],
        ).fetchall()
        for table in ("versions", "media"):
            owner.execute(
                sql.SQL(
                    "update {} set processing = 'pending', verified_at = null, sha256 = null,"
                    " width = null, height = null, placeholder = null"
                    " where organization_id = %s and processing is not null"
                ).format(sql.Identifier(table)),
                [tenant.id],
            )
        owner.execute(
            "update versions set generation = 0, phash = null where organization_id = %s", [tenant.id]
        )
        owner.execute("update uploads set state = 'stored' where organization_id = %s", [tenant.id])
    for key, etag in derived:
        storage.delete(key, etag)
