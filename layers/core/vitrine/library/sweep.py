"""What scheduled jobs do to uploads and objects, a bounded batch at a time: nothing is left behind, and
nothing that is shown is touched.

Every step looks again in the transaction that changes something; `now` is a parameter, so that a test can be
a week later.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

from vitrine import internal_errors, queries, storage
from vitrine.credentials import mint_id
from vitrine.db import Transaction, read, transaction, write
from vitrine.errors import Busy
from vitrine.library import finalizing as finalizing
from vitrine.library import objects
from vitrine.models.jobs import Batch, Done
from vitrine.models.people import Worker
from vitrine.models.uploads import OPEN_STATES, Upload

if TYPE_CHECKING:
    from datetime import datetime

# Longer than any call of ours may take, so that what is swept is nobody's work under way: the longest
# function has 10 minutes.
GRACE = timedelta(hours=1)
STANDING_STILL = timedelta(minutes=20)
# of what is processed anew, whole collections at once: it may stand in line, and shows its old frames
# meanwhile
ASKED_AGAIN = timedelta(hours=2)
RESENDS = 5
TOO_OFTEN = f"The file could not be processed in {RESENDS} tries"
STORED_QUEUE = "upload_stored"  # the outbox's name of the queue; `outbox` says where it is


def end_lapsed(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Sessions whose time is over are settled if their bytes are there, ended if not; a completing call
    that died gives its upload back.
    """
    found = read(Worker(), queries.uploads.lapsing(now, UUID(after) if after else None, limit))
    done = tuple(Done("would be ended" if dry_run else _end(upload, now), upload.id.hex) for upload in found)
    return Batch(done, found[-1].id.hex if len(found) == limit else None)


def send_again(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Uploads that stand still between `stored` and `ready` get a lost event's message again; after
    RESENDS they have failed, saying so.
    """
    found = read(
        Worker(), queries.uploads.standing_still(now - STANDING_STILL, UUID(after) if after else None, limit)
    )
    done = tuple(
        Done("would be sent again" if dry_run else _send_again(upload), upload.id.hex) for upload in found
    )
    return Batch(done, found[-1].id.hex if len(found) == limit else None)


def ask_again(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """The same of ready versions whose frames are wanted anew; after RESENDS they keep those they have,
    saying so.
    """
    found = read(
        Worker(), queries.reprocessing.waiting(now - ASKED_AGAIN, UUID(after) if after else None, limit)
    )
    done = tuple(
        Done("would be asked for again" if dry_run else _ask_again(version), version.id.hex)
        for version in found
    )
    return Batch(done, found[-1].id.hex if len(found) == limit else None)


def _end(upload: Upload, now: datetime) -> str:
    try:
        finalized = finalizing.finalize(Worker(), upload)
    except Exception as error:
        # an internal error with one upload must not stop the sweep of the others
        if not internal_errors.is_temporary(error):
            internal_errors.report("expire_uploads", error, upload_id=str(upload.id))
            finalizing.fail(Worker(), upload, internal_errors.REASON)
            return "failed"
        if not isinstance(error, Busy):
            raise
        return "left for later"
    if finalized is not None and finalized.state not in OPEN_STATES:
        return "settled"
    organization = upload.organization_id
    if upload.method == "import" and upload.expires_at <= now:
        return _give_up_import(upload, now)
    if write(Worker(), queries.uploads.expire(organization, upload.id, now)):
        if upload.store_upload_id is not None:
            with suppress(Busy):  # the sweep aborts it, since its session is over
                storage.abort(upload.key, upload.store_upload_id)
        return "expired"
    return (
        "given back" if write(Worker(), queries.uploads.lapse(organization, upload.id, now)) else "left alone"
    )


def _give_up_import(upload: Upload, now: datetime) -> str:
    if finalizing.fail_import(Worker(), upload, "It was not fetched in time", now=now).state not in (
        "failed",
        "rejected",
    ):
        return "left alone"
    if upload.store_upload_id is not None:
        with suppress(Busy):
            storage.abort(upload.key, upload.store_upload_id)
    return "expired"


def _send_again(upload: Upload) -> str:
    organization = upload.organization_id

    def work(db: Transaction) -> str:
        resent = db.first(queries.uploads.resend(organization, upload.id))
        if resent is None:
            return "moved on"
        if resent.times > RESENDS:
            return _give_up(db, upload)
        db.queue(
            queries.outbox.put(
                organization,
                mint_id(),
                STORED_QUEUE,
                stored_event(upload.key),
                f"resend:{upload.id.hex}:{resent.times}",
            )
        )
        return "sent again"

    return transaction(Worker(), work)


def _give_up(db: Transaction, upload: Upload) -> str:
    db.queue(queries.versions.lock_item(upload.organization_id, upload.media_id))
    locked = db.first(queries.versions.locked(upload.organization_id, upload.version_id))
    if locked is None:
        db.queue(queries.uploads.become(upload.organization_id, upload.id, "failed", TOO_OFTEN))
    elif locked.waits:
        finalizing.give_up(db, upload, locked, TOO_OFTEN)
    return "given up"


def _ask_again(version: queries.reprocessing.Waiting) -> str:
    organization = version.organization_id

    def work(db: Transaction) -> str:
        db.queue(queries.versions.lock_item(organization, version.media_id))
        resent = db.first(queries.reprocessing.resend(version))
        if resent is None:
            return "moved on"
        if resent.times > RESENDS:
            return _give_up(db, db.run(queries.uploads.by_id(organization, version.upload_id))[0])
        message = mint_id()
        db.queue(
            queries.outbox.put(
                organization,
                message,
                STORED_QUEUE,
                stored_event(version.key),
                f"reprocess:{version.id.hex}:{message.hex}",
            )
        )
        return "asked for again"

    return transaction(Worker(), work)


def stored_event(key: str) -> dict[str, object]:
    """What the store's own event says of an object that has landed, as far as anybody reads it."""
    return {
        "Records": [
            {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": quote(key)}}}
        ]
    }


def discard_retired(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Frames that others replaced are gone, and counted no more, once nobody has a URL of them."""
    found = read(Worker(), queries.objects.retired(now, after or "", limit))
    done: list[Done] = []
    for (organization, version), entries in groupby(
        found, key=lambda entry: (entry.organization_id, entry.version_id)
    ):
        keys = [entry.key for entry in entries]
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
    return Batch(tuple(done), found[-1].key if len(found) == limit else None)


def _mark_retired_deleting(
    db: Transaction, *, organization: UUID, version: UUID, keys: list[str], now: datetime
) -> list[str]:
    """Those that are doomed now. Under the lock of the item: so their bytes go out of the state that they
    are counted in.
    """
    db.queue(queries.versions.lock_family(organization, version))
    locked = db.first(queries.versions.locked(organization, version))
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
    """Doomed objects are gone, rows too: what a crash left between the doom and the deletion."""
    found = read(Worker(), queries.objects.unfinished("deleting", now, after or "", limit))
    done: list[Done] = []
    for entry in found:
        if dry_run or objects.discard(Worker(), entry.organization_id, entry.key, now=now):
            done.append(Done("discarded", entry.key))
    return Batch(tuple(done), found[-1].key if len(found) == limit else None)


def clear_planned(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Planned objects that never came to live are gone: of an upload that has ended, or of an attempt that
    died.

    An object of an open upload is left alone: its session decides. One that landed after its session expired
    revives it.
    """
    found = read(Worker(), queries.objects.unfinished("planned", now - GRACE, after or "", limit))
    done: list[Done] = []
    for entry in found:
        upload = (
            finalizing.find(Worker(), entry.organization_id, entry.upload_id)
            if entry.upload_id is not None
            else None
        )
        lands_here = upload is not None and upload.key == entry.key
        if upload is not None and lands_here and upload.state in OPEN_STATES:
            continue
        if entry.keep_until is not None and entry.keep_until > now:
            continue
        if dry_run:
            done.append(Done("given up", entry.key))
            continue
        if upload is not None and lands_here and upload.state == "expired":
            with suppress(Busy):
                if finalizing.finalize(Worker(), upload) is not None:
                    done.append(Done("revived", entry.key))
                    continue
        objects.mark_deleting(Worker(), entry.organization_id, [entry.key], "never came to live")
        objects.discard(Worker(), entry.organization_id, entry.key, now=now)
        done.append(Done("given up", entry.key))
    return Batch(tuple(done), found[-1].key if len(found) == limit else None)


def abort_unwanted(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """The store holds open no multipart upload that has no open session: what a crash left between the
    store and the row.
    """
    found = list(islice(storage.open_multiparts(after or ""), limit))
    wanted = {
        upload.store_upload_id
        for upload in read(Worker(), queries.uploads.of_multiparts([each.upload_id for each in found]))
    }
    done: list[Done] = []
    for each in found:
        if each.upload_id not in wanted and each.initiated <= now - GRACE:
            if not dry_run:
                storage.abort(each.key, each.upload_id)
            done.append(Done("aborted", each.key))
    return Batch(tuple(done), found[-1].key if len(found) == limit else None)
