"""Deleting expired credentials as the worker, by definer functions where the table is granted to no role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine.db import Statement

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class ExpiredRow:
    id: UUID


@dataclass(frozen=True, slots=True)
class ExpiredCount:
    n: int


def sessions(at: datetime, after: UUID | None, limit: int, *, dry_run: bool) -> Statement[ExpiredRow]:
    """Delete, or on a dry run list, the sessions that expired by `at`, in the order of their ids after this
    one.
    """
    return Statement(
        "select id from expire_sessions(%(at)s, %(after)s, %(limit)s, %(dry_run)s) as id",
        ExpiredRow,
        at=at,
        after=after,
        limit=limit,
        dry_run=dry_run,
    )


def device_codes(at: datetime, after: UUID | None, limit: int, *, dry_run: bool) -> Statement[ExpiredRow]:
    """Delete, or on a dry run list, the device codes that expired by `at`, in the order of their ids after
    this one.
    """
    return Statement(
        "select id from expire_device_codes(%(at)s, %(after)s, %(limit)s, %(dry_run)s) as id",
        ExpiredRow,
        at=at,
        after=after,
        limit=limit,
        dry_run=dry_run,
    )


def api_keys(at: datetime, after: UUID | None, limit: int, *, dry_run: bool) -> Statement[ExpiredRow]:
    """Delete, or on a dry run list, the API keys that expired or were revoked by `at`, in the order of their
    ids after this one.
    """
    return Statement(
        "select id from expire_api_keys(%(at)s, %(after)s, %(limit)s, %(dry_run)s) as id",
        ExpiredRow,
        at=at,
        after=after,
        limit=limit,
        dry_run=dry_run,
    )


def rate_limits(at: datetime, limit: int, *, dry_run: bool) -> Statement[ExpiredCount]:
    """Delete, or on a dry run count, the windows of rate limits that began by `at`. One row: their number."""
    return Statement(
        "select expire_rate_limits(%(at)s, %(limit)s, %(dry_run)s) as n",
        ExpiredCount,
        at=at,
        limit=limit,
        dry_run=dry_run,
    )


def idempotency_keys(at: datetime, limit: int, *, dry_run: bool) -> Statement[ExpiredCount]:
    """Delete, or on a dry run count, the idempotency keys that expired by `at`. One row: their number."""
    return Statement(
        """
        with over as (
          select organization_id, user_id, route, key
            from idempotency_keys
           where expires_at <= %(at)s
           order by expires_at
           limit %(limit)s),
        gone as (
          delete from idempotency_keys
           using over
           where idempotency_keys.organization_id = over.organization_id
             and idempotency_keys.user_id = over.user_id
             and idempotency_keys.route = over.route
             and idempotency_keys.key = over.key
             and idempotency_keys.expires_at <= %(at)s
             and not %(dry_run)s)
        select count(*)::integer as n from over
        """,
        ExpiredCount,
        at=at,
        limit=limit,
        dry_run=dry_run,
    )
