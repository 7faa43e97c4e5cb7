"""Deleting items: lock the collection (`collections.lock_for_change`), lock the items, mark them with a
deletion.

Versions, ledger entries, counts and restoring then select the items by that mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from vitrine.db import Statement, nothing
from vitrine.queries import TOUCHED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.models.deletions import DeletionKind


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows."""

    n: int


def lock_below(
    organization: UUID, folders: Sequence[UUID], limit: int, *, but: Sequence[UUID] = ()
) -> Statement[Count]:
    """Lock the active items below these folders, at any depth, except the items `but`, which are locked
    already. At most `limit` items are locked; returns how many.
    """
    return Statement(
        f"""
        with locked as (
          select media.id
            from media
           where media.organization_id = %(organization)s
             and media.place_id = any({_BELOW})
             and media.status = 'active'
             and media.id <> all(%(but)s)
           limit %(limit)s
             for update of media
        )
        select count(*) as n from locked
        """,
        Count,
        organization=organization,
        folders=list(folders),
        limit=limit,
        but=list(but),
    )


def lock_collection_items(organization: UUID, collection: UUID, limit: int) -> Statement[Count]:
    """Lock the active items of a collection, at most `limit` of them; returns how many."""
    return Statement(
        """
        with locked as (
          select id
            from media
           where organization_id = %(organization)s
             and collection_id = %(collection)s
             and status = 'active'
           limit %(limit)s
             for update
        )
        select count(*) as n from locked
        """,
        Count,
        organization=organization,
        collection=collection,
        limit=limit,
    )


def insert_deletion(
    organization: UUID, deletion: UUID, kind: DeletionKind, root: UUID, actor: UUID, trash_days: int | None
) -> Statement[object]:
    """Insert a deletion that has no items yet. It is purged after `trash_days`; None: never."""
    return Statement(
        """
        insert into deletions (organization_id, id, kind, root_id, actor, purge_at, item_count)
        values (%(organization)s, %(deletion)s, %(kind)s, %(root)s, %(actor)s,
                now() + make_interval(days => %(trash_days)s::integer), 0)
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        kind=kind,
        root=root,
        actor=actor,
        trash_days=trash_days,
    )


def mark(organization: UUID, deletion: UUID, item: UUID, actor: UUID) -> Statement[object]:
    """Mark the item as deleted by this deletion."""
    return Statement(
        f"""
        update media
           set status = 'deleted', deletion_id = %(deletion)s, {TOUCHED}
         where organization_id = %(organization)s
           and id = %(item)s
           and status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        item=item,
        actor=actor,
    )


def mark_below(organization: UUID, deletion: UUID, folders: Sequence[UUID], actor: UUID) -> Statement[object]:
    """Mark every active item below these folders as deleted by this deletion."""
    return Statement(
        f"""
        update media
           set status = 'deleted', deletion_id = %(deletion)s, {TOUCHED}
         where media.organization_id = %(organization)s
           and media.place_id = any({_BELOW})
           and media.status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        folders=list(folders),
        actor=actor,
    )


def mark_collection_items(
    organization: UUID, deletion: UUID, collection: UUID, actor: UUID
) -> Statement[object]:
    """Mark every active item of the collection as deleted by this deletion."""
    return Statement(
        f"""
        update media
           set status = 'deleted', deletion_id = %(deletion)s, {TOUCHED}
         where organization_id = %(organization)s
           and collection_id = %(collection)s
           and status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        collection=collection,
        actor=actor,
    )


# The ids are passed as an array because a join makes the planner scan the whole organization.
_BELOW: LiteralString = """
             array(select below.id
                     from unnest(%(folders)s::uuid[]) as folder
                    cross join lateral subtree(folder) as below)
"""


def mark_versions(organization: UUID, deletion: UUID) -> Statement[object]:
    """Mark the active versions of this deletion's items as deleted by it. A version that was deleted before
    stays with its own deletion.
    """
    return Statement(
        """
        update versions
           set status = 'deleted', deletion_id = %(deletion)s, updated_at = now()
          from media
         where media.organization_id = %(organization)s
           and media.deletion_id = %(deletion)s
           and versions.organization_id = %(organization)s
           and versions.media_id = media.id
           and versions.status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
    )


def count_deletion(organization: UUID, deletion: UUID) -> Statement[Count]:
    """Store in the deletion, and return, how many versions of files it removed."""
    return Statement(
        """
        update deletions
           set item_count = (
                 select count(*)
                   from versions
                  where versions.organization_id = %(organization)s
                    and versions.deletion_id = %(deletion)s)
         where organization_id = %(organization)s
           and id = %(deletion)s
        returning item_count as n
        """,
        Count,
        organization=organization,
        deletion=deletion,
    )
