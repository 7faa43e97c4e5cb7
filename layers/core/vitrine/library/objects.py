"""Taking objects out of the store, in the one order that loses nothing: doomed in a transaction, deleted under its ETag, then the row dropped."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from vitrine import storage
from vitrine.db import Transaction, read, transaction, write
from vitrine.errors import Busy
from vitrine.models import Actor, Batch, Done, Worker
from vitrine.queries import objects as manifest
from vitrine.queries import uploads as upload_rows

if TYPE_CHECKING:
    from uuid import UUID

# Longer than any call of ours may take, so that what is swept is nobody's work under way: the longest function has 15 minutes.
GRACE = timedelta(hours=1)


def discard(who: Actor, organization: UUID, key: str, *, now: datetime | None = None) -> bool:
    """Of a doomed object, neither object nor row is there; whether that is so (a row stays while a client may still write its key).

    Nothing happens to an object that is not doomed. May be called again at any time, by whom ever.
    """
    found = read(who, manifest.at(organization, key))
    if not found or found[0].state != "doomed":
        return not found
    for _ in range(3):
        there = storage.head(key)
        if there is None:
            return bool(write(who, manifest.drop(organization, key, now or datetime.now(UTC))))
        with suppress(storage.AlreadyThere):     # written again since we looked
            storage.delete(key, there.etag)
    return False


def discard_doomed(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Doomed objects are gone, rows too: what a crash left between the doom and the deletion."""
    found = read(Worker(), manifest.to_settle("doomed", now, after or "", limit))
    done: list[Done] = []
    for entry in found:
        if dry_run or discard(Worker(), entry.organization_id, entry.key, now=now):
            done.append(Done("discarded", entry.key))
    return Batch(tuple(done), found[-1].key if len(found) == limit else None)


def settle_planned(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Planned objects that never came to live are gone: of an upload that has ended, or of an attempt that died.

    An object of an open upload is left alone: its session decides. One that landed after its session expired revives it.
    """
    from vitrine.library import uploads

    found = read(Worker(), manifest.to_settle("planned", now - GRACE, after or "", limit))
    done: list[Done] = []
    for entry in found:
        upload = uploads.find(Worker(), entry.organization_id, entry.upload_id) if entry.upload_id is not None else None
        lands_here = upload is not None and upload.key == entry.key
        if upload is not None and lands_here and upload.state in ("created", "uploading", "completing"):
            continue
        if entry.hold_until is not None and entry.hold_until > now:
            continue
        if dry_run:
            done.append(Done("given up", entry.key))
            continue
        if upload is not None and lands_here and upload.state == "expired":
            with suppress(Busy):
                if uploads.settle(Worker(), upload) is not None:
                    done.append(Done("revived", entry.key))
                    continue
        doom(Worker(), entry.organization_id, [entry.key], "never came to live")
        discard(Worker(), entry.organization_id, entry.key, now=now)
        done.append(Done("given up", entry.key))
    return Batch(tuple(done), found[-1].key if len(found) == limit else None)


def abort_unwanted(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """The store holds open no multipart upload that has no open session: what a crash left between the store and the row."""
    found = list(islice(storage.open_multiparts(after or ""), limit))
    wanted = {upload.store_upload_id for upload in read(Worker(), upload_rows.of_multiparts([each.upload_id for each in found]))}
    done: list[Done] = []
    for each in found:
        if each.upload_id not in wanted and each.initiated <= now - GRACE:
            if not dry_run:
                storage.abort(each.key, each.upload_id)
            done.append(Done("aborted", each.key))
    return Batch(tuple(done), found[-1].key if len(found) == limit else None)


def doom(who: Actor, organization: UUID, keys: list[str], reason: str) -> None:
    """From here on these objects will be deleted.

    Only for what no row shows: a live one is doomed by the transaction that takes it out of the books.
    """

    def work(db: Transaction) -> None:
        db.queue(manifest.doom(organization, keys, reason))

    transaction(who, work)
