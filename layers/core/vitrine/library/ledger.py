"""Folding the append-only ledgers into kept sums, in batches, by a job. A reader adds folded and unfolded
entries, so folding changes no result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.db import read, write
from vitrine.models.jobs import Batch, Done
from vitrine.models.people import Worker

if TYPE_CHECKING:
    from datetime import datetime


def fold_storage(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - the signature of a step
    """Fold at most `limit` entries of the storage ledger into storage_usage."""
    count = (
        read(Worker(), queries.unfolded.storage(limit))[0].n
        if dry_run
        else write(Worker(), queries.ledger.fold(limit))[0].n
    )
    return _batch(count, limit, dry_run=dry_run)


def fold_counts(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - the signature of a step
    """Fold at most `limit` entries of the count ledger into counts."""
    count = (
        read(Worker(), queries.unfolded.counts(limit))[0].n
        if dry_run
        else write(Worker(), queries.counts.fold(limit))[0].n
    )
    return _batch(count, limit, dry_run=dry_run)


def _batch(count: int, limit: int, *, dry_run: bool) -> Batch:
    deed = "would be folded" if dry_run else "folded"
    # Folded entries are not found again, so the next batch has others. A dry run would find the same ones.
    more = count == limit and not dry_run
    return Batch((Done(deed, f"{count} entries"),) if count else (), "more" if more else None)
