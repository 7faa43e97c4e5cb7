"""The numbers of active, verified items directly in each place: an append-only ledger that a job folds into
counts.

A current number is the folded count plus the entries not yet folded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vitrine.db import Statement, nothing
from vitrine.queries.ledger import Entered, Folded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.models.media import MediaType


def entry(
    organization: UUID,
    collection: UUID,
    place: UUID,
    type: MediaType,
    delta: int,
) -> Statement[Entered]:
    """Append an entry: `delta` more items of a type directly in a place, a folder or the root of the
    collection.
    """
    return Statement(
        """
        insert into count_ledger (organization_id, collection_id, place_id, type, delta)
        values (%(organization)s, %(collection)s, %(place)s, %(type)s, %(delta)s)
        returning id
        """,
        Entered,
        organization=organization,
        collection=collection,
        place=place,
        type=type,
        delta=delta,
    )


def trash(organization: UUID, deletion: UUID) -> Statement[object]:
    """Subtract the items of this deletion: one entry for each place and type. Unverified items were never
    counted.
    """
    return _marked(organization, [deletion], -1)


def restore(organization: UUID, deletions: Sequence[UUID]) -> Statement[object]:
    """Add the items of these deletions again, in their present places. Run it while the items are still
    marked.
    """
    return _marked(organization, deletions, 1)


def _marked(organization: UUID, deletions: Sequence[UUID], sign: Literal[-1, 1]) -> Statement[object]:
    return Statement(
        """
        insert into count_ledger (organization_id, collection_id, place_id, type, delta)
        select organization_id, collection_id, place_id, type, %(sign)s * count(*)::integer
          from media
         where organization_id = %(organization)s
           and deletion_id = any(%(deletions)s)
           and verified_at is not null
         group by organization_id, collection_id, place_id, type
        """,
        nothing,
        organization=organization,
        deletions=list(deletions),
        sign=sign,
    )


def fold(limit: int) -> Statement[Folded]:
    """Fold at most `limit` entries of all organizations into counts and collection_counts, and delete them.
    For the job.
    """
    return Statement(
        """
        with taken as (
          select id
            from count_ledger
           where not folded
           order by id
           limit %(limit)s
             for update skip locked
        ), gone as (
          delete from count_ledger entry
           using taken
           where entry.id = taken.id
          returning entry.organization_id, entry.collection_id, entry.place_id, entry.type, entry.delta
        ), by_place as (
          insert into counts as kept (organization_id, collection_id, place_id, type, items)
          select organization_id, collection_id, place_id, type, sum(delta)
            from gone
           group by organization_id, collection_id, place_id, type
           -- sorted, so that two folding transactions wait for each other without a deadlock
           order by organization_id, place_id, type
          on conflict (organization_id, place_id, type) do update
             set items = kept.items + excluded.items
        ), by_collection as (
          insert into collection_counts as kept (organization_id, collection_id, type, items)
          select organization_id, collection_id, type, sum(delta)
            from gone
           group by organization_id, collection_id, type
           order by organization_id, collection_id, type
          on conflict (organization_id, collection_id, type) do update
             set items = kept.items + excluded.items
        )
        select count(*) as n from gone
        """,
        Folded,
        limit=limit,
    )
