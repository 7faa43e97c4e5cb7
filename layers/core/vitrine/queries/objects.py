"""The manifest of the store: a row for every object, written before the object is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, LiteralString

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.uploads import Stored

ObjectKind = Literal["incoming", "original", "derived"]

_COLUMNS: LiteralString = "organization_id, key, kind, upload_id, version_id, generation, bytes, etag, state, keep_until, updated_at"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the manifest. `bytes` is 0 and `etag` None until it is live."""

    organization_id: UUID
    key: str
    kind: ObjectKind
    upload_id: UUID | None
    version_id: UUID
    generation: int | None
    bytes: int
    etag: str | None
    state: Literal["planned", "live", "deleting"]
    keep_until: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Number:
    n: int


def plan(
    organization: UUID,
    key: str,
    kind: ObjectKind,
    *,
    version: UUID,
    upload: UUID | None,
    generation: int | None = None,
    keep_until: datetime | None = None,
) -> Statement[Entry]:
    """An object may come to be at this key from now on."""
    return Statement(
        """
        insert into objects (organization_id, key, kind, upload_id, version_id, generation, keep_until)
        values (%(organization)s, %(key)s, %(kind)s, %(upload)s, %(version)s, %(generation)s, %(keep_until)s)
        returning """
        + _COLUMNS,
        Entry,
        organization=organization,
        key=key,
        kind=kind,
        upload=upload,
        version=version,
        generation=generation,
        keep_until=keep_until,
    )


def live(organization: UUID, stored: Stored) -> Statement[Entry]:
    """The object is there and counts. No row: somebody doomed it, or never planned it."""
    return Statement(
        """
        update objects
           set state = 'live', bytes = %(bytes)s, etag = %(etag)s, updated_at = now()
         where organization_id = %(organization)s
           and key = %(key)s
           and state = 'planned'
        returning """
        + _COLUMNS,
        Entry,
        organization=organization,
        key=stored.key,
        bytes=stored.bytes,
        etag=stored.etag,
    )


def mark_deleting(organization: UUID, keys: Sequence[str], reason: str) -> Statement[object]:
    """The point of no return: these objects will be deleted. Only what never came to live: a live one is
    doomed with its version, by whoever
    takes it out of the books.
    """
    return Statement(
        """
        update objects
           set state = 'deleting', reason = %(reason)s, updated_at = now()
         where organization_id = %(organization)s
           and key = any(%(keys)s)
           and state = 'planned'
        """,
        nothing,
        organization=organization,
        keys=list(keys),
        reason=reason,
    )


def mark_version_deleting(organization: UUID, version: UUID, reason: str) -> Statement[Entry]:
    """Everything a version has in the store is doomed; what now is."""
    return Statement(
        """
        update objects
           set state = 'deleting', reason = %(reason)s, updated_at = now()
         where organization_id = %(organization)s
           and version_id = %(version)s
           and state <> 'deleting'
        returning """
        + _COLUMNS,
        Entry,
        organization=organization,
        version=version,
        reason=reason,
    )


def retire(organization: UUID, version: UUID, generation: int, *, seconds: int) -> Statement[object]:
    """What was derived before this generation is shown no more; it lives, and is counted, for so many seconds
    yet: who has a URL of it may read it.

    By the clock, not by the transaction's beginning: this one may have waited for its locks, while others
    read and signed.
    """
    return Statement(
        """
        update objects
           set keep_until = clock_timestamp() + make_interval(secs => %(seconds)s), reason = 'replaced', updated_at = now()
         where organization_id = %(organization)s
           and version_id = %(version)s
           and kind = 'derived'
           and state = 'live'
           and generation < %(generation)s
           and keep_until is null
        """,
        nothing,
        organization=organization,
        version=version,
        generation=generation,
        seconds=seconds,
    )


def mark_retired_deleting(organization: UUID, keys: Sequence[str], now: datetime) -> Statement[Entry]:
    """Of these objects those that were replaced, and whose time is over, are doomed; what that is."""
    return Statement(
        """
        update objects
           set state = 'deleting', updated_at = now()
         where organization_id = %(organization)s
           and key = any(%(keys)s)
           and kind = 'derived'
           and state = 'live'
           and keep_until <= %(now)s
        returning """
        + _COLUMNS,
        Entry,
        organization=organization,
        keys=list(keys),
        now=now,
    )


def at(organization: UUID, key: str) -> Statement[Entry]:
    return Statement(
        "select " + _COLUMNS + " from objects where organization_id = %(organization)s and key = %(key)s",
        Entry,
        organization=organization,
        key=key,
    )


def drop(organization: UUID, key: str, now: datetime) -> Statement[object]:
    """The row goes too, now that the object has, unless a client may still write the key."""
    return Statement(
        """
        delete from objects
         where organization_id = %(organization)s
           and key = %(key)s
           and state = 'deleting'
           and (keep_until is null or keep_until <= %(now)s)
        returning 1 as n
        """,
        Number,
        organization=organization,
        key=key,
        now=now,
    )


# For jobs, which cross organizations.


def unfinished(
    state: Literal["planned", "deleting"], before: datetime, after: str, limit: int
) -> Statement[Entry]:
    """Rows in this state since before then, by key."""
    return Statement(
        "select "
        + _COLUMNS
        + """
          from objects
         where state = %(state)s
           and updated_at <= %(before)s
           and key > %(after)s
         order by key
         limit %(limit)s
        """,
        Entry,
        state=state,
        before=before,
        after=after,
        limit=limit,
    )


def retired(now: datetime, after: str, limit: int) -> Statement[Entry]:
    """Replaced frames whose time is over, by key."""
    return Statement(
        "select "
        + _COLUMNS
        + """
          from objects
         where state = 'live'
           and kind = 'derived'
           and keep_until <= %(now)s
           and key > %(after)s
         order by key
         limit %(limit)s
        """,
        Entry,
        now=now,
        after=after,
        limit=limit,
    )
