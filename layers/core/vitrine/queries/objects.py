"""The object registry: a row for every object of the store, inserted before the object is put."""

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

_COLUMNS: LiteralString = """
    organization_id, key, kind, upload_id, version_id, generation, bytes, etag, state, keep_until, updated_at
"""


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """A row of the object registry. `bytes` is 0 and `etag` None until the object is live."""

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
class Dropped:
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
) -> Statement[RegistryEntry]:
    """Insert the row of an object that may be put from now on."""
    return Statement(
        """
        insert into objects (organization_id, key, kind, upload_id, version_id, generation, keep_until)
        values (%(organization)s, %(key)s, %(kind)s, %(upload)s, %(version)s, %(generation)s, %(keep_until)s)
        returning """
        + _COLUMNS,
        RegistryEntry,
        organization=organization,
        key=key,
        kind=kind,
        upload=upload,
        version=version,
        generation=generation,
        keep_until=keep_until,
    )


def mark_live(organization: UUID, stored: Stored) -> Statement[RegistryEntry]:
    """Set a planned object to `live`, with its size and ETag. No row: it was marked for deletion, or was
    never planned.
    """
    return Statement(
        """
        update objects
           set state = 'live', bytes = %(bytes)s, etag = %(etag)s, updated_at = now()
         where organization_id = %(organization)s
           and key = %(key)s
           and state = 'planned'
        returning """
        + _COLUMNS,
        RegistryEntry,
        organization=organization,
        key=stored.key,
        bytes=stored.bytes,
        etag=stored.etag,
    )


def mark_deleting(organization: UUID, keys: Sequence[str], reason: str) -> Statement[object]:
    """Mark objects for deletion: from here on they will be deleted. Only planned ones are marked: a live one
    is marked with its version, by the transaction that corrects the ledger.
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


def mark_version_deleting(organization: UUID, version: UUID, reason: str) -> Statement[RegistryEntry]:
    """Mark every object of a version for deletion, and return those that were not marked before."""
    return Statement(
        """
        update objects
           set state = 'deleting', reason = %(reason)s, updated_at = now()
         where organization_id = %(organization)s
           and version_id = %(version)s
           and state <> 'deleting'
        returning """
        + _COLUMNS,
        RegistryEntry,
        organization=organization,
        version=version,
        reason=reason,
    )


def retire(organization: UUID, version: UUID, generation: int, *, seconds: int) -> Statement[object]:
    """Give the derived objects of older generations an end: they stay live, and are counted, for `seconds`
    more, because a signed URL may read them.

    The time is the clock's, not that of the transaction's beginning: this transaction may have waited for its
    locks while others read the old frames and signed URLs.
    """
    return Statement(
        """
        update objects
           set keep_until = clock_timestamp() + make_interval(secs => %(seconds)s),
               reason = 'replaced',
               updated_at = now()
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


def mark_retired_deleting(organization: UUID, keys: Sequence[str], now: datetime) -> Statement[RegistryEntry]:
    """Mark those of these objects for deletion that were replaced and whose time has passed. Return them."""
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
        RegistryEntry,
        organization=organization,
        keys=list(keys),
        now=now,
    )


def get(organization: UUID, key: str) -> Statement[RegistryEntry]:
    """Read the row of one object."""
    return Statement(
        "select " + _COLUMNS + " from objects where organization_id = %(organization)s and key = %(key)s",
        RegistryEntry,
        organization=organization,
        key=key,
    )


def drop(organization: UUID, key: str, now: datetime) -> Statement[object]:
    """Delete the row of an object that the store has deleted. No row: a client may still write the key."""
    return Statement(
        """
        delete from objects
         where organization_id = %(organization)s
           and key = %(key)s
           and state = 'deleting'
           and (keep_until is null or keep_until <= %(now)s)
        returning 1 as n
        """,
        Dropped,
        organization=organization,
        key=key,
        now=now,
    )


# For scheduled jobs, which read all organizations.


def unfinished(
    state: Literal["planned", "deleting"], before: datetime, after: str, limit: int
) -> Statement[RegistryEntry]:
    """Rows that have been in this state since `before`, by key."""
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
        RegistryEntry,
        state=state,
        before=before,
        after=after,
        limit=limit,
    )


def retired(now: datetime, after: str, limit: int) -> Statement[RegistryEntry]:
    """Live objects of replaced frames whose time has passed, by key."""
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
        RegistryEntry,
        now=now,
        after=after,
        limit=limit,
    )
