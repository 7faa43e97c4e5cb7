"""The steps of the scheduled jobs that clean up uploads and objects, a bounded batch each: nothing is left
behind, and nothing that is shown is touched.

Each step reads a row again in the transaction that changes it. `now` is a parameter, so that a test can run a
job as of a later time. Every step takes (now, cursor, limit, dry run) and returns a Batch.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import internal_errors, queries, storage
from vitrine.credentials import mint_id
from vitrine.db import Transaction, read, transaction, write
from vitrine.errors import ServiceUnavailable
from vitrine.library import finalizing, import_results, objects, outbox, processing, upload_lookup
from vitrine.models.jobs import Batch, Done
from vitrine.models.people import Worker
from vitrine.models.uploads import Upload

if TYPE_CHECKING:
    from datetime import datetime

# An object or a multipart upload older than this belongs to no running call: the longest function may run
# for 10 minutes.
ORPHANED_AFTER = timedelta(hours=1)
# The message of an upload that has waited this long for a worker is sent again.
STALLED_AFTER = timedelta(minutes=20)
# The message of a version that has waited this long to be processed again is sent again. Whole collections
# may be requested at once, so a version may wait long in the queue; it shows its old frames meanwhile.
REQUEST_LOST_AFTER = timedelta(hours=2)
RESENDS = 5  # messages at most for one upload or version
TOO_OFTEN = f"The file could not be processed in {RESENDS} tries"


def end_lapsed(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """End the open uploads that have expired (expires_at): finalize those whose bytes have landed, expire the
    others. An upload whose completing call died can be completed again.
    """
    uploads = read(Worker(), queries.uploads.overdue(now, UUID(after) if after else None, limit))
    done = tuple(
        Done("would be ended" if dry_run else _end_upload(upload, now), upload.id.hex) for upload in uploads
    )
    return Batch(done, uploads[-1].id.hex if len(uploads) == limit else None)


def send_again(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Send the message of a lost event again for uploads that have stayed `stored` or `processing` for
    STALLED_AFTER. When RESENDS messages were sent in vain, the upload
    is set to failed and the reason is recorded.
    """
    uploads = read(
        Worker(), queries.uploads.stalled(now - STALLED_AFTER, UUID(after) if after else None, limit)
    )
    done = tuple(
        Done("would be sent again" if dry_run else _send_again(upload), upload.id.hex) for upload in uploads
    )
    return Batch(done, uploads[-1].id.hex if len(uploads) == limit else None)


def send_reprocessing_again(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Send the message again for ready versions whose request to be processed again was lost. When RESENDS
    messages were sent in vain, the version keeps its frames and the reason is recorded.
    """
    requests = read(
        Worker(),
        queries.reprocessing.overdue(now - REQUEST_LOST_AFTER, UUID(after) if after else None, limit),
    )
    done = tuple(
        Done("would be asked for again" if dry_run else _send_reprocessing_again(version), version.id.hex)
        for version in requests
    )
    return Batch(done, requests[-1].id.hex if len(requests) == limit else None)


def _end_upload(upload: Upload, now: datetime) -> str:
    try:
        finalized = finalizing.finalize(Worker(), upload.reference)
    except Exception as error:
        # An internal error with one upload must not stop the sweep of the others.
        if not internal_errors.is_temporary(error):
            internal_errors.report("expire_uploads", error, upload_id=str(upload.id))
            finalizing.fail(Worker(), upload, internal_errors.REASON)
            return "failed"
        if not isinstance(error, ServiceUnavailable):
            raise
        return "left for later"
    if finalized is not None and not finalized.is_open:
        return "finalized"
    organization = upload.organization_id
    if upload.method == "import" and upload.expires_at <= now:
        return _end_import(upload, now)
    if write(Worker(), queries.uploads.expire(organization, upload.id, now)):
        if upload.store_upload_id is not None:
            # `abort_unwanted` aborts the multipart upload later when the store is not answering.
            with suppress(ServiceUnavailable):
                storage.abort(upload.key, upload.store_upload_id)
        return "expired"
    return (
        "given back"
        if write(Worker(), queries.uploads.end_lease(organization, upload.id, now))
        else "left alone"
    )


def _end_import(upload: Upload, now: datetime) -> str:
    if import_results.fail(Worker(), upload, "It was not fetched in time", now=now).state not in (
        "failed",
        "rejected",
    ):
        return "left alone"
    if upload.store_upload_id is not None:
        with suppress(ServiceUnavailable):
            storage.abort(upload.key, upload.store_upload_id)
    return "expired"


def _send_again(upload: Upload) -> str:
    organization = upload.organization_id

    def work(db: Transaction) -> str:
        resent = db.first(queries.uploads.count_resend(organization, upload.id))
        if resent is None:
            return "moved on"
        if resent.times > RESENDS:
            return _fail(db, upload)
        db.queue(
            queries.outbox.insert(
                organization,
                mint_id(),
                outbox.STORED_QUEUE,
                outbox.stored_event(upload.key),
                f"resend:{upload.id.hex}:{resent.times}",
            )
        )
        return "sent again"

    return transaction(Worker(), work)


def _fail(db: Transaction, upload: Upload) -> str:
    db.queue(queries.versions.lock_item(upload.organization_id, upload.media_id))
    locked = db.first(queries.versions.get_locked(upload.organization_id, upload.version_id))
    if locked is None:
        db.queue(queries.uploads.set_state(upload.organization_id, upload.id, "failed", TOO_OFTEN))
    elif locked.awaits_frames:
        processing.record_failure(db, upload, locked, TOO_OFTEN)
    return "given up"


def _send_reprocessing_again(version: queries.reprocessing.OverdueRequest) -> str:
    organization = version.organization_id

    def work(db: Transaction) -> str:
        db.queue(queries.versions.lock_item(organization, version.media_id))
        resent = db.first(queries.reprocessing.count_resend(version))
        if resent is None:
            return "moved on"
        if resent.times > RESENDS:
            return _fail(db, db.run(queries.uploads.by_id(organization, version.upload_id))[0])
        message = mint_id()
        db.queue(
            queries.outbox.insert(
                organization,
                message,
                outbox.STORED_QUEUE,
                outbox.stored_event(version.key),
                f"reprocess:{version.id.hex}:{message.hex}",
            )
        )
        return "asked for again"

    return transaction(Worker(), work)


def discard_retired(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Delete the objects of replaced frames, and their bytes from the ledger, when no signed URL of them is
    valid any more.
    """
    entries = read(Worker(), queries.objects.retired(now, after or "", limit))
    done: list[Done] = []
    for (organization, version), group in groupby(
        entries, key=lambda entry: (entry.organization_id, entry.version_id)
    ):
        keys = [entry.key for entry in group]
        if not dry_run:
            keys = transaction(
                Worker(),
                partial(
                    _mark_retired_deleting, organization=organization, version=version, keys=keys, now=now
                ),
            )
        for key in keys:
            if dry_run or objects.discard(Worker(), organization, key, now=now):
                done.append(Done("discarded", key))
    return Batch(tuple(done), entries[-1].key if len(entries) == limit else None)


def _mark_retired_deleting(
    db: Transaction, *, organization: UUID, version: UUID, keys: list[str], now: datetime
) -> list[str]:
    """Mark those of the objects for deletion whose time has passed, and return their keys.

    The item is locked, so that the bytes are subtracted from the state, active or trash, that counts them.
    """
    db.queue(queries.versions.lock_item_of(organization, version))
    locked = db.first(queries.versions.get_locked(organization, version))
    marked = db.run(queries.objects.mark_retired_deleting(organization, keys, now)) if locked else []
    if locked and marked:
        gone = -sum(entry.bytes for entry in marked)
        db.queue(
            queries.ledger.entry(
                organization,
                locked.media_id,
                version,
                gone,
                0,
                "derived",
                locked.counted_as,
                "replaced",
                f"replaced:{marked[0].key}",
            )
        )
    return [entry.key for entry in marked]


def delete_marked(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Delete the objects that are marked for deletion, and their rows: a crash may have come between the mark
    and the deletion.
    """
    entries = read(Worker(), queries.objects.unfinished("deleting", now, after or "", limit))
    done: list[Done] = []
    for entry in entries:
        if dry_run or objects.discard(Worker(), entry.organization_id, entry.key, now=now):
            done.append(Done("discarded", entry.key))
    return Batch(tuple(done), entries[-1].key if len(entries) == limit else None)


def clear_planned(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Delete planned objects that never became live: their upload has ended, or the attempt that planned them
    died.

    The object of an open upload is left alone: `end_lapsed` ends the upload when it has expired (expires_at).
    An object that landed after its upload had expired revives the upload.
    """
    entries = read(Worker(), queries.objects.unfinished("planned", now - ORPHANED_AFTER, after or "", limit))
    done: list[Done] = []
    for entry in entries:
        upload = (
            upload_lookup.find(Worker(), entry.organization_id, entry.upload_id)
            if entry.upload_id is not None
            else None
        )
        is_its_object = upload is not None and upload.key == entry.key
        if upload is not None and is_its_object and upload.is_open:
            continue
        if entry.keep_until is not None and entry.keep_until > now:
            continue
        if dry_run:
            done.append(Done("given up", entry.key))
            continue
        if upload is not None and is_its_object and upload.state == "expired":
            with suppress(ServiceUnavailable):
                if finalizing.finalize(Worker(), upload.reference) is not None:
                    done.append(Done("revived", entry.key))
                    continue
        objects.mark_deleting(Worker(), entry.organization_id, [entry.key], "never became live")
        objects.discard(Worker(), entry.organization_id, entry.key, now=now)
        done.append(Done("given up", entry.key))
    return Batch(tuple(done), entries[-1].key if len(entries) == limit else None)


def abort_unwanted(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Abort the store's multipart uploads that belong to no open upload: a crash may have come between the
    store and the row.
    """
    multiparts = list(islice(storage.list_multiparts(after or ""), limit))
    wanted = {
        upload.store_upload_id
        for upload in read(
            Worker(), queries.uploads.wanted_multiparts([each.upload_id for each in multiparts])
        )
    }
    done: list[Done] = []
    for each in multiparts:
        if each.upload_id not in wanted and each.initiated <= now - ORPHANED_AFTER:
            if not dry_run:
                storage.abort(each.key, each.upload_id)
            done.append(Done("aborted", each.key))
    return Batch(tuple(done), multiparts[-1].key if len(multiparts) == limit else None)
