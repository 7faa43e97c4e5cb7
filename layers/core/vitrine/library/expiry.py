"""Deleting expired credentials, a bounded batch at a time. Expired credentials are not accepted anyway, so
this saves room and is no matter of security.
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

# after their end: an investigation can still find a key's name and its owner
KEYS_KEPT = timedelta(days=90)
WINDOWS_KEPT = timedelta(hours=1)  # the longest window of a rate limit has 15 minutes


def end_sessions(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Delete expired sessions."""
    return _rows(
        write(
            Worker(), queries.expired.sessions(now, UUID(after) if after else None, limit, dry_run=dry_run)
        ),
        limit,
        dry_run=dry_run,
    )


def drop_device_codes(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Delete expired device codes."""
    return _rows(
        write(
            Worker(),
            queries.expired.device_codes(now, UUID(after) if after else None, limit, dry_run=dry_run),
        ),
        limit,
        dry_run=dry_run,
    )


def drop_api_keys(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
    """Delete API keys that expired, or were revoked, KEYS_KEPT ago."""
    found = write(
        Worker(),
        queries.expired.api_keys(now - KEYS_KEPT, UUID(after) if after else None, limit, dry_run=dry_run),
    )
    return _rows(found, limit, dry_run=dry_run)


def drop_idempotency_keys(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - the signature of a step
    """Delete expired idempotency keys."""
    return _count(
        write(Worker(), queries.expired.idempotency_keys(now, limit, dry_run=dry_run))[0].n,
        "idempotency keys",
        limit,
        dry_run=dry_run,
    )


def drop_rate_limits(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - the signature of a step
    """Delete the request counts of windows that began WINDOWS_KEPT ago."""
    return _count(
        write(Worker(), queries.expired.rate_limits(now - WINDOWS_KEPT, limit, dry_run=dry_run))[0].n,
        "windows",
        limit,
        dry_run=dry_run,
    )


def _rows(found: Sequence[queries.expired.ExpiredRow], limit: int, *, dry_run: bool) -> Batch:
    deed = "would be deleted" if dry_run else "deleted"
    return Batch(
        tuple(Done(deed, row.id.hex) for row in found), found[-1].id.hex if len(found) == limit else None
    )


def _count(count: int, what: str, limit: int, *, dry_run: bool) -> Batch:
    """Report rows without an id by their number: their own names, such as IP addresses, are left out."""
    deed = "would be deleted" if dry_run else "deleted"
    # Deleted rows are not found again, so the next batch has others. A dry run would find the same ones.
    more = count == limit and not dry_run
    return Batch((Done(deed, f"{count} {what}"),) if count else (), "more" if more else None)
