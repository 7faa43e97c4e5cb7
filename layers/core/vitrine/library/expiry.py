"""Credentials that have had their day go, a bounded batch at a time. None of them lets anybody in any
more: this is about room, not safety.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.db import write
from vitrine.models.jobs import Batch, Done
from vitrine.models.people import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# after their end: whoever looks into what happened finds what a key was called, and whose it was
KEYS_KEPT = timedelta(days=90)
WINDOWS_KEPT = timedelta(hours=1)  # of rate limits: longer than the longest, which has 15 minutes


def end_sessions(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """No session is kept whose time is over."""
    return _rows(
        write(
            Worker(), queries.expired.sessions(now, UUID(after) if after else None, limit, dry_run=dry_run)
        ),
        limit,
        dry_run=dry_run,
    )


def drop_device_codes(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """No device code is kept whose time is over."""
    return _rows(
        write(
            Worker(),
            queries.expired.device_codes(now, UUID(after) if after else None, limit, dry_run=dry_run),
        ),
        limit,
        dry_run=dry_run,
    )


def drop_api_keys(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """No API key is kept that was revoked or expired KEYS_KEPT ago."""
    found = write(
        Worker(),
        queries.expired.api_keys(now - KEYS_KEPT, UUID(after) if after else None, limit, dry_run=dry_run),
    )
    return _rows(found, limit, dry_run=dry_run)


def drop_idempotency_keys(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - each step of a job takes these arguments
    """No idempotency key is kept whose time is over."""
    return _count(
        write(Worker(), queries.expired.idempotency_keys(now, limit, dry_run=dry_run))[0].n,
        "idempotency keys",
        limit,
        dry_run=dry_run,
    )


def drop_rate_limits(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - each step of a job takes these arguments
    """No count of requests is kept longer than anybody looks at it."""
    return _count(
        write(Worker(), queries.expired.rate_limits(now - WINDOWS_KEPT, limit, dry_run=dry_run))[0].n,
        "windows",
        limit,
        dry_run=dry_run,
    )


def _rows(found: Sequence[queries.expired.Row], limit: int, *, dry_run: bool) -> Batch:
    deed = "would be deleted" if dry_run else "deleted"
    return Batch(
        tuple(Done(deed, row.id.hex) for row in found), found[-1].id.hex if len(found) == limit else None
    )


def _count(count: int, what: str, limit: int, *, dry_run: bool) -> Batch:
    """Of rows without an id, whose names say what is nobody's business: addresses, a client's own words."""
    deed = "would be deleted" if dry_run else "deleted"
    # what is deleted is not met again, so the next batch is another one; a dry run would see the same
    more = count == limit and not dry_run
    return Batch((Done(deed, f"{count} {what}"),) if count else (), "more" if more else None)
