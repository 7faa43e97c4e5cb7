"""Counters: what was appended is folded, in batches, by a job. A reading is folded + unfolded, so it is
the same before and after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.db import read, write
from vitrine.models.jobs import Batch, Done
from vitrine.models.people import Worker

if TYPE_CHECKING:
    from datetime import datetime


def fold_storage(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - each step of a job takes these arguments
    """At most `limit` entries of the storage ledger have gone into the kept sums."""
    count = (
        read(Worker(), queries.unfolded.storage(limit))[0].n
        if dry_run
        else write(Worker(), queries.ledger.fold(limit))[0].n
    )
    return _batch(count, limit, dry_run=dry_run)


def fold_counts(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - each step of a job takes these arguments
    """The same for the numbers of items."""
    count = (
        read(Worker(), queries.unfolded.counts(limit))[0].n
        if dry_run
        else write(Worker(), queries.counts.fold(limit))[0].n
    )
    return _batch(count, limit, dry_run=dry_run)


def _batch(count: int, limit: int, *, dry_run: bool) -> Batch:
    deed = "would be folded" if dry_run else "folded"
    # what is folded waits no more, so the next batch is another one; a dry run would see the same
    more = count == limit and not dry_run
    return Batch((Done(deed, f"{count} entries"),) if count else (), "more" if more else None)
