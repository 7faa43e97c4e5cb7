"""The ledger of stored bytes: appended by the transaction that changes the media, folded by a job. A
reading is folded + unfolded.
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
    """An entry that was new."""

    id: int


@dataclass(frozen=True, slots=True)
class Folded:
    """How many entries were taken."""

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
    """So many bytes and originals more (or fewer), once per event key. No row: this event was entered
    before.
    """
    return Statement(
        """
        insert into storage_ledger (organization_id, media_id, version_id, delta_bytes, delta_count, kind, state, reason, event_key)
        values (%(organization)s, %(media)s, %(version)s, %(delta_bytes)s, %(delta_count)s, %(kind)s, %(state)s, %(reason)s, %(event_key)s)
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
    """What the versions taken by this deletion have in the store goes from active to trash: a pair of entries
    per version and kind.

    To be sent when the items are marked, and under their locks: whoever finishes processing meanwhile enters
    its bytes in the state it then finds.
    """
    return _changed(organization, [deletion], "delete", "('active', -1), ('trash', 1)")


def restore(organization: UUID, deletions: Sequence[UUID]) -> Statement[object]:
    """The same back again. To be sent while the items are still marked, and under their locks."""
    return _changed(organization, deletions, "restore", "('trash', -1), ('active', 1)")


def purge(organization: UUID, deletion: UUID, items: Sequence[UUID]) -> Statement[object]:
    """What the versions of these items, taken by this deletion, have in the store is no more. To be sent
    before their objects are doomed.
    """
    return _changed(organization, [deletion], "purge", "('trash', -1)", items)


def _changed(
    organization: UUID,
    deletions: Sequence[UUID],
    reason: Literal["delete", "restore", "purge"],
    sides: LiteralString,
    items: Sequence[UUID] | None = None,
) -> Statement[object]:
    """`sides` are states and signs; of these items alone, or (None) of all that the deletion took."""
    chosen: LiteralString = "" if items is None else "and version.media_id = any(%(items)s)"
    return Statement(
        """
        insert into storage_ledger (organization_id, media_id, version_id, delta_bytes, delta_count, kind, state, reason, event_key)
        select version.organization_id, version.media_id, version.id, side.sign * stored.bytes, side.sign * stored.originals, stored.kind, side.state,
               %(reason)s, %(reason)s || ':' || version.deletion_id || ':' || version.id || ':' || stored.kind || ':' || side.state
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
    """At most `limit` entries, of all organizations, have gone into storage_usage. For the job; runs beside
    others of its kind.

    The rows taken are flagged: folding up to an id would lose what commits late with a smaller one.
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
           order by organization_id, kind, state              -- one order for all: two folding at once wait, and do not deadlock
          on conflict (organization_id, kind, state) do update
             set bytes = usage.bytes + excluded.bytes, items = usage.items + excluded.items, folded_at = excluded.folded_at
        )
        select count(*) as n from flagged
        """,
        Folded,
        limit=limit,
    )
