"""What becomes of the trash when its time is over: acts of deletion are carried out for good, one after the
other, a bounded batch at a time.

An act first becomes `purging`, from where no restore leads back; then its files go, then its folders, then
the collection, then it is `purged`.
A batch dooms and deletes its rows in one transaction, and the objects after it, so a run may die at any point
and the next one goes on.
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

AT_ONCE = 100  # objects, or items, of one batch: seconds, and far less than a lease lasts beyond its time
WAITS = "waits for what was deleted in it before"


class _NotYet(Exception):
    """The act cannot go on now; why, as the report has it."""


def purge_due(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """The next act whose time is over has come a batch further, or is gone for good. One that cannot go
    on is left for the next run.
    """
    found = read(Worker(), queries.purges.due(now, UUID(after) if after else None, 1))
    if not found:
        return Batch((), None)
    deletion = found[0]
    try:
        deed = _foreseen(deletion) if dry_run else _further(deletion, now, min(limit, AT_ONCE))
    except _NotYet as why:
        deed = str(why)
    except ApiError:  # the store or the database does not answer, or somebody holds what it needs
        deed = "left for later"
    if deed is None:
        return Batch((), after or "")
    return Batch((Done(deed, deletion.id.hex),), deletion.id.hex)


def _foreseen(deletion: queries.purges.Due) -> str:
    return (
        WAITS
        if deletion.state == "trash" and read(Worker(), queries.purges.waits(deletion))[0].waits
        else "would be purged"
    )


def _further(deletion: queries.purges.Due, now: datetime, limit: int) -> str | None:
    """None: there is more to do."""
    if deletion.state == "trash":
        transaction(Worker(), lambda db: _turn(db, deletion))
    marked = read(Worker(), queries.purges.marked(deletion, limit))
    for each in marked:
        if not objects.discard(Worker(), deletion.organization_id, each.key, now=now):
            raise _NotYet("left for later")
    if marked:
        return None
    for step in (_files, _folders, _uploads):
        if _under_lock(deletion, step, limit):
            return None
    _under_lock(deletion, _end, limit)
    return "purged"


def _turn(db: Transaction, deletion: queries.purges.Due) -> None:
    """From here on there is no way back."""
    if db.first(queries.purges.lock(deletion)) is None:
        raise _NotYet("restored meanwhile")
    if db.run(queries.purges.waits(deletion))[0].waits:
        raise _NotYet(WAITS)
    db.queue(queries.deletions.become(deletion.organization_id, [deletion.id], "purging"))


def _under_lock(
    deletion: queries.purges.Due, step: Callable[[Transaction, queries.purges.Due, int], bool], limit: int
) -> bool:
    """Whether the step, taken while the act is held and is being purged, has found something to do."""

    def work(db: Transaction) -> bool:
        locked = db.first(queries.purges.lock(deletion))
        if locked is None or locked.state != "purging":
            raise _NotYet("purged meanwhile")
        return step(db, deletion, limit)

    return transaction(Worker(), work)


def _files(db: Transaction, deletion: queries.purges.Due, limit: int) -> bool:
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
        db.queue(queries.ledger.purge(deletion.organization_id, deletion.id, items))
        db.queue(queries.purges.mark_deleting(deletion, items))
        db.queue(queries.purges.end_uploads(deletion, items, "The item was deleted before it was processed"))
        db.queue(
            queries.purges.remove_version(deletion) if of_version else queries.purges.remove(deletion, items)
        )
    return bool(items)


def _folders(db: Transaction, deletion: queries.purges.Due, limit: int) -> bool:
    items = [each.id for each in db.run(queries.purges.lock_folders(deletion, limit))]
    if items:
        db.queue(queries.purges.remove(deletion, items))
    return bool(items)


def _uploads(db: Transaction, deletion: queries.purges.Due, limit: int) -> bool:
    return deletion.kind == "collection" and bool(db.run(queries.purges.forget_uploads(deletion, limit)))


def _end(db: Transaction, deletion: queries.purges.Due, limit: int) -> bool:  # noqa: ARG001 - each step of a job takes these arguments
    if deletion.kind == "collection" and not db.run(queries.purges.remove_collection(deletion)):
        raise _NotYet("left for later")  # an upload is still under way to it; it ends with its session
    db.queue(queries.deletions.become(deletion.organization_id, [deletion.id], "purged"))
    return True
