"""The storage ledger: entries appended by the transaction that changes the media, and folded by a job. A
reader adds folded and unfolded entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, LiteralString

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

Kind = Literal["original", "derived"]
State = Literal["active", "trash"]


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry that was added."""

    id: int


@dataclass(frozen=True, slots=True)
class Folded:
    """How many entries were folded."""

    n: int


def entry(
    organization: UUID,
    media: UUID,
    version: UUID,
    delta_bytes: int,
    delta_count: int,
    kind: Kind,
    state: State,
    reason: str,
    event_key: str,
) -> Statement[Entered]:
    """Append an entry of bytes and originals, negative to subtract. Idempotent by `event_key`. No row: the
    key exists.
    """
    return Statement(
        """
        insert into storage_ledger (organization_id, media_id, version_id, delta_bytes, delta_count, kind,
                                    state, reason, event_key)
        values (%(organization)s, %(media)s, %(version)s, %(delta_bytes)s, %(delta_count)s, %(kind)s,
                %(state)s, %(reason)s, %(event_key)s)
        on conflict (organization_id, event_key) do nothing
        returning id
        """,
        Entered,
        organization=organization,
        media=media,
        version=version,
        delta_bytes=delta_bytes,
        delta_count=delta_count,
        kind=kind,
        state=state,
        reason=reason,
        event_key=event_key,
    )


def trash(organization: UUID, deletion: UUID) -> Statement[object]:
    """Move what the versions of this deletion have in the store from active to trash: two entries per version
    and kind.

    Send it when the items are marked, under their locks: a worker that records frames meanwhile enters their
    bytes in the state that it then finds.
    """
    return _changed(organization, [deletion], "delete", "('active', -1), ('trash', 1)")


def restore(organization: UUID, deletions: Sequence[UUID]) -> Statement[object]:
    """Move what the versions of these deletions have in the store from trash to active. Send it while the
    items are still marked, under their locks.
    """
    return _changed(organization, deletions, "restore", "('trash', -1), ('active', 1)")


def purge(organization: UUID, deletion: UUID, items: Sequence[UUID]) -> Statement[object]:
    """Subtract what the versions of these items, taken by this deletion, have in the store. Send it before
    their objects are marked for deletion.
    """
    return _changed(organization, [deletion], "purge", "('trash', -1)", items)


def _changed(
    organization: UUID,
    deletions: Sequence[UUID],
    reason: Literal["delete", "restore", "purge"],
    sides: LiteralString,
    items: Sequence[UUID] | None = None,
) -> Statement[object]:
    """Append entries for each version that the deletions took. `sides`: pairs of state and sign. `items`
    None: all items of the deletions.
    """
    chosen: LiteralString = "" if items is None else "and version.media_id = any(%(items)s)"
    return Statement(
        """
        insert into storage_ledger (organization_id, media_id, version_id, delta_bytes, delta_count, kind,
                                    state, reason, event_key)
        select version.organization_id, version.media_id, version.id, side.sign * stored.bytes,
               side.sign * stored.originals, stored.kind, side.state, %(reason)s,
               %(reason)s || ':' || version.deletion_id || ':' || version.id
                          || ':' || stored.kind || ':' || side.state
          from versions version
         cross join lateral (
               select 'original', version.stored_bytes, 1
                where version.key is not null           -- an external URL stores nothing
               union all
               select 'derived', sum(object.bytes)::bigint, 0
                 from objects object
                where object.organization_id = %(organization)s
                  and object.version_id = version.id
                  and object.kind = 'derived'
                  and object.state = 'live'
               having sum(object.bytes) > 0) as stored (kind, bytes, originals)
         cross join (values """
        + sides
        + """) as side (state, sign)
         where version.organization_id = %(organization)s
           and version.deletion_id = any(%(deletions)s)
        """
        + chosen,
        nothing,
        organization=organization,
        deletions=list(deletions),
        reason=reason,
        items=None if items is None else list(items),
    )


def fold(limit: int) -> Statement[Folded]:
    """Fold at most `limit` entries, of all organizations, into storage_usage. For the job; several may run at
    once.

    The folded rows are flagged. Folding up to an id would lose an entry that commits late with a smaller id.
    """
    return Statement(
        """
        with taken as (
          select organization_id, id
            from storage_ledger
           where not folded
           order by organization_id, id
           limit %(limit)s
             for update skip locked
        ), flagged as (
          update storage_ledger entry
             set folded = true
            from taken
           where entry.id = taken.id
          returning entry.organization_id, entry.kind, entry.state, entry.delta_bytes, entry.delta_count
        ), kept as (
          insert into storage_usage as usage (organization_id, kind, state, bytes, items, folded_at)
          select organization_id, kind, state, sum(delta_bytes), sum(delta_count), now()
            from flagged
           group by organization_id, kind, state
           order by organization_id, kind, state      -- one order for all: concurrent folds do not deadlock
          on conflict (organization_id, kind, state) do update
             set bytes = usage.bytes + excluded.bytes,
                 items = usage.items + excluded.items,
                 folded_at = excluded.folded_at
        )
        select count(*) as n from flagged
        """,
        Folded,
        limit=limit,
    )
