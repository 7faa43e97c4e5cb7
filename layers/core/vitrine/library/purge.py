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
from vitrine.errors import Refusal
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
    act = found[0]
    try:
        deed = _foreseen(act) if dry_run else _further(act, now, min(limit, AT_ONCE))
    except _NotYet as why:
        deed = str(why)
    except Refusal:  # the store or the database does not answer, or somebody holds what it needs
        deed = "left for later"
    if deed is None:
        return Batch((), after or "")
    return Batch((Done(deed, act.id.hex),), act.id.hex)


def _foreseen(act: queries.purges.Due) -> str:
    return (
        WAITS
        if act.state == "trash" and read(Worker(), queries.purges.waits(act))[0].waits
        else "would be purged"
    )


def _further(act: queries.purges.Due, now: datetime, limit: int) -> str | None:
    """None: there is more to do."""
    if act.state == "trash":
        transaction(Worker(), lambda db: _turn(db, act))
    doomed = read(Worker(), queries.purges.doomed(act, limit))
    for each in doomed:
        if not objects.discard(Worker(), act.organization_id, each.key, now=now):
            raise _NotYet("left for later")
    if doomed:
        return None
    for step in (_files, _folders, _uploads):
        if _under_lock(act, step, limit):
            return None
    _under_lock(act, _end, limit)
    return "purged"


def _turn(db: Transaction, act: queries.purges.Due) -> None:
    """From here on there is no way back."""
    if db.first(queries.purges.hold(act)) is None:
        raise _NotYet("restored meanwhile")
    if db.run(queries.purges.waits(act))[0].waits:
        raise _NotYet(WAITS)
    db.queue(queries.deletions.become(act.organization_id, [act.id], "purging"))


def _under_lock(
    act: queries.purges.Due, step: Callable[[Transaction, queries.purges.Due, int], bool], limit: int
) -> bool:
    """Whether the step, taken while the act is held and is being purged, has found something to do."""

    def work(db: Transaction) -> bool:
        held = db.first(queries.purges.hold(act))
        if held is None or held.state != "purging":
            raise _NotYet("purged meanwhile")
        return step(db, act, limit)

    return transaction(Worker(), work)


def _files(db: Transaction, act: queries.purges.Due, limit: int) -> bool:
    of_version = act.kind == "version"
    items = [
        each.id
        for each in db.run(
            queries.purges.hold_version(act) if of_version else queries.purges.hold_files(act, limit)
        )
    ]
    if items:
        db.queue(queries.ledger.purge(act.organization_id, act.id, items))
        db.queue(queries.purges.doom(act, items))
        db.queue(queries.purges.end_uploads(act, items, "The item was deleted before it was processed"))
        db.queue(queries.purges.remove_version(act) if of_version else queries.purges.remove(act, items))
    return bool(items)


def _folders(db: Transaction, act: queries.purges.Due, limit: int) -> bool:
    items = [each.id for each in db.run(queries.purges.hold_folders(act, limit))]
    if items:
        db.queue(queries.purges.remove(act, items))
    return bool(items)


def _uploads(db: Transaction, act: queries.purges.Due, limit: int) -> bool:
    return act.kind == "collection" and bool(db.run(queries.purges.forget_uploads(act, limit)))


def _end(db: Transaction, act: queries.purges.Due, limit: int) -> bool:  # noqa: ARG001 - each step of a job takes these arguments
    if act.kind == "collection" and not db.run(queries.purges.remove_collection(act)):
        raise _NotYet("left for later")  # an upload is still under way to it; it ends with its session
    db.queue(queries.deletions.become(act.organization_id, [act.id], "purged"))
    return True
