"""Purging the trash: deletions whose retention is over are carried out for good, one after the other, a
bounded batch at a time.

A deletion first becomes `purging`: from then on it cannot be restored. Then its files are removed, then its
folders, then the collection, and it is `purged`. A batch marks objects for deletion and deletes its rows in
one transaction, and deletes the objects afterwards, so a run may die at any point and the next one continues.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.db import Transaction, read, transaction
from vitrine.errors import ApiError
from vitrine.library import objects
from vitrine.models.jobs import Batch, Done
from vitrine.models.people import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

# Objects or items in one batch. A batch takes seconds, and the lease is far longer than the job's time limit,
# so
# a batch that was started ends within the lease.
AT_ONCE = 100
WAITS = "waits for what was deleted in it before"


class _NotYet(Exception):
    """The deletion cannot be continued now. The message is the report's."""


def purge_due(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Carry out one batch of the next deletion whose retention is over. A deletion that cannot be continued
    is left for the next run.
    """
    due = read(Worker(), queries.purges.due(now, UUID(after) if after else None, 1))
    if not due:
        return Batch((), None)
    deletion = due[0]
    try:
        deed = _foreseen(deletion) if dry_run else _continue(deletion, now, min(limit, AT_ONCE))
    except _NotYet as why:
        deed = str(why)
    except ApiError:  # the store or the database does not answer, or a row that it needs is locked
        deed = "left for later"
    if deed is None:
        return Batch((), after or "")
    return Batch((Done(deed, deletion.id.hex),), deletion.id.hex)


def _foreseen(deletion: queries.purges.Due) -> str:
    if deletion.state == "trash" and read(Worker(), queries.purges.waits_for_others(deletion))[0].waits:
        return WAITS
    return "would be purged"


def _continue(deletion: queries.purges.Due, now: datetime, limit: int) -> str | None:
    """Carry out one batch of the deletion. Return `purged` after the last one; None: there is more to do."""
    if deletion.state == "trash":
        transaction(Worker(), lambda db: _start_purging(db, deletion))
    marked = read(Worker(), queries.purges.marked_objects(deletion, limit))
    for each in marked:
        if not objects.discard(Worker(), deletion.organization_id, each.key, now=now):
            raise _NotYet("left for later")
    if marked:
        return None
    for step in (_remove_files, _remove_folders, _remove_uploads):
        if _under_lock(deletion, step, limit):
            return None
    _under_lock(deletion, _end, limit)
    return "purged"


def _start_purging(db: Transaction, deletion: queries.purges.Due) -> None:
    """Set the deletion to `purging`. From here on it cannot be restored."""
    if db.first(queries.purges.lock(deletion)) is None:
        raise _NotYet("restored meanwhile")
    if db.run(queries.purges.waits_for_others(deletion))[0].waits:
        raise _NotYet(WAITS)
    db.queue(queries.deletions.set_state(deletion.organization_id, [deletion.id], "purging"))


def _under_lock(
    deletion: queries.purges.Due, step: Callable[[Transaction, queries.purges.Due, int], bool], limit: int
) -> bool:
    """Run the step in a transaction that has locked the deletion, while that is `purging`. Return whether the
    step found something to do.
    """

    def work(db: Transaction) -> bool:
        locked = db.first(queries.purges.lock(deletion))
        if locked is None or locked.state != "purging":
            raise _NotYet("purged meanwhile")
        return step(db, deletion, limit)

    return transaction(Worker(), work)


def _remove_files(db: Transaction, deletion: queries.purges.Due, limit: int) -> bool:
    of_version = deletion.kind == "version"
    items = [
        each.id
        for each in db.run(
            queries.purges.lock_version(deletion)
            if of_version
            else queries.purges.lock_files(deletion, limit)
        )
    ]
    if items:
        reason = "The item was deleted before it was processed"
        db.queue(queries.ledger.purge(deletion.organization_id, deletion.id, items))
        db.queue(queries.purges.mark_deleting(deletion, items))
        db.queue(queries.purges.reject_uploads(deletion, items, reason))
        db.queue(
            queries.purges.delete_version(deletion)
            if of_version
            else queries.purges.delete_items(deletion, items)
        )
    return bool(items)


def _remove_folders(db: Transaction, deletion: queries.purges.Due, limit: int) -> bool:
    items = [each.id for each in db.run(queries.purges.lock_folders(deletion, limit))]
    if items:
        db.queue(queries.purges.delete_items(deletion, items))
    return bool(items)


def _remove_uploads(db: Transaction, deletion: queries.purges.Due, limit: int) -> bool:
    return deletion.kind == "collection" and bool(db.run(queries.purges.delete_uploads(deletion, limit)))


def _end(db: Transaction, deletion: queries.purges.Due, limit: int) -> bool:  # noqa: ARG001 - the signature of a step
    if deletion.kind == "collection" and not db.run(queries.purges.delete_collection(deletion)):
        # An open upload still refers to the collection. It ends when it expires (expires_at), or earlier.
        raise _NotYet("left for later")
    db.queue(queries.deletions.set_state(deletion.organization_id, [deletion.id], "purged"))
    return True
