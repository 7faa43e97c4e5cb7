"""Deletions: the trash, and how a deletion is restored.

An item or version in the trash has the id of its deletion in `deletion_id`, until it is restored or purged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from vitrine.db import Statement, nothing
from vitrine.models.deletions import DeletionKind, Trashed
from vitrine.queries import TOUCHED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# trash: it can be restored; purging: it is being removed and cannot be restored any more; restored, purged:
# it
# has ended, and its row is kept.
DeletionState = Literal["trash", "restored", "purging", "purged"]


@dataclass(frozen=True, slots=True)
class LockedDeletion:
    """A deletion whose row is locked."""

    id: UUID
    kind: DeletionKind
    root_id: UUID  # one of its roots, for a selection
    state: DeletionState
    item_count: int  # files, counting each version
    is_folder: bool  # whether the id that was looked up is a folder's
    is_version: bool  # whether the id that was looked up is a version's, and no item's


@dataclass(frozen=True, slots=True)
class Root:
    """An item that a deletion took by itself, and not because it was in a folder."""

    id: UUID
    deletion_id: UUID
    collection_is_active: bool
    is_displaced: bool  # its folder stays deleted when these deletions are restored


@dataclass(frozen=True, slots=True)
class RestorePlace:
    """Where a root is restored to: its own folder, or the nearest folder above it that will be active (None:
    the collection's root).
    """

    parent_id: UUID | None
    active_id: UUID | None
    active_path: str  # ltree; the collection alone, for its root
    is_folder: bool


def lock(organization: UUID, item: UUID) -> Statement[LockedDeletion]:
    """Lock the deletion that took this item, version or collection until the transaction ends. For a root
    that was purged, the deletion that took it last. No row: it is not deleted.
    """
    return Statement(
        """
        select id, kind, root_id, state, item_count,
               coalesce((select type = 'folder'
                           from media
                          where organization_id = %(organization)s
                            and id = %(item)s), false) as is_folder,
               (kind = 'version'
                or exists (select
                             from versions
                            where organization_id = %(organization)s
                              and id = %(item)s
                              and media_id <> id)) as is_version
          from deletions
         where organization_id = %(organization)s
           and id in (select deletion_id
                        from media
                       where organization_id = %(organization)s
                         and id = %(item)s
                      union all
                      select deletion_id
                        from collections
                       where organization_id = %(organization)s
                         and id = %(item)s
                      union all
                      select deletion_id
                        from versions
                       where organization_id = %(organization)s
                         and id = %(item)s
                      union all
                      select gone.id
                        from deletions gone
                       where gone.organization_id = %(organization)s
                         and gone.root_id = %(item)s
                         and gone.state in ('purging', 'purged')
                      union all
                      select deletion_id
                        from deletion_roots root
                        join deletions gone on gone.organization_id = %(organization)s
                                           and gone.id = root.deletion_id
                       where root.organization_id = %(organization)s
                         and root.root_id = %(item)s
                         and gone.state in ('purging', 'purged'))
         order by at desc, id desc
         limit 1
           for update
        """,
        LockedDeletion,
        organization=organization,
        item=item,
    )


def roots(organization: UUID, deletions: Sequence[UUID]) -> Statement[Root]:
    """Read the roots of deletions that are about to be restored together, ordered by depth. A collection has
    no row.

    Read it under the locks of their collections.
    """
    return Statement(
        """
        select root.id, root.deletion_id, collection.status = 'active' as collection_is_active,
               coalesce(parent.status = 'deleted'
                        and parent.deletion_id <> all(%(deletions)s), false) as is_displaced
          from media root
          join collections collection on collection.organization_id = %(organization)s
                                     and collection.id = root.collection_id
          left join media parent on parent.organization_id = %(organization)s and parent.id = root.parent_id
          left join folder_paths place on place.organization_id = %(organization)s
                                      and place.folder_id = root.parent_id
         where root.organization_id = %(organization)s
           and root.id in (select root_id
                             from deletions
                            where organization_id = %(organization)s
                              and id = any(%(deletions)s)
                           union
                           select root_id
                             from deletion_roots
                            where organization_id = %(organization)s
                              and deletion_id = any(%(deletions)s))
           and root.deletion_id = any(%(deletions)s)
         order by coalesce(nlevel(place.path), 0), root.id
        """,
        Root,
        organization=organization,
        deletions=list(deletions),
    )


def restore_place(organization: UUID, root: UUID, deletions: Sequence[UUID]) -> Statement[RestorePlace]:
    """Read where a root goes when these deletions are restored. Read it under the lock of its collection."""
    return Statement(
        """
        select root.parent_id, active.id as active_id,
               coalesce(active.path::text, replace(root.collection_id::text, '-', '')) as active_path,
               root.type = 'folder' as is_folder
          from media root
          left join folder_paths parent on parent.organization_id = %(organization)s
                                       and parent.folder_id = root.parent_id
          left join lateral (
               select above.id, place.path
                 from media above
                 join folder_paths place on place.organization_id = %(organization)s
                                        and place.folder_id = above.id
                where above.organization_id = %(organization)s
                  and above.id = any(string_to_array(parent.path::text, '.')::uuid[])
                  and (above.status = 'active' or above.deletion_id = any(%(deletions)s))
                order by nlevel(place.path) desc
                limit 1) as active on true
         where root.organization_id = %(organization)s
           and root.id = %(root)s
        """,
        RestorePlace,
        organization=organization,
        root=root,
        deletions=list(deletions),
    )


def set_parent(organization: UUID, root: UUID, parent: UUID | None) -> Statement[object]:
    """Set the folder of a deleted item. None: its collection's root."""
    return Statement(
        """
        update media
           set parent_id = %(parent)s
         where organization_id = %(organization)s
           and id = %(root)s
           and status = 'deleted'
        """,
        nothing,
        organization=organization,
        root=root,
        parent=parent,
    )


def lock_items(organization: UUID, deletions: Sequence[UUID]) -> Statement[object]:
    """Lock the items that these deletions took until the transaction ends."""
    return Statement(
        """
        select id
          from media
         where organization_id = %(organization)s
           and deletion_id = any(%(deletions)s)
         order by id
           for no key update
        """,
        nothing,
        organization=organization,
        deletions=list(deletions),
    )


def unmark(organization: UUID, deletions: Sequence[UUID], actor: UUID) -> Statement[object]:
    """Make everything that these deletions took active again. Its processing state does not change."""
    return Statement(
        f"""
        with back as (
          update media
             set status = 'active', deletion_id = null,
                 {TOUCHED}
           where organization_id = %(organization)s
             and deletion_id = any(%(deletions)s)
        )
        update versions
           set status = 'active', deletion_id = null, updated_at = now()
         where organization_id = %(organization)s
           and deletion_id = any(%(deletions)s)
        """,
        nothing,
        organization=organization,
        deletions=list(deletions),
        actor=actor,
    )


def set_state(organization: UUID, deletions: Sequence[UUID], state: DeletionState) -> Statement[object]:
    """Set the state of these deletions, whatever it was before. The caller has locked and checked them: they
    are
    `restored` when their items are active again, `purging` when a purge begins and `purged` when it has
    ended.
    """
    return Statement(
        """
        update deletions
           set state = %(state)s
         where organization_id = %(organization)s
           and id = any(%(deletions)s)
        """,
        nothing,
        organization=organization,
        deletions=list(deletions),
        state=state,
    )


def end_if_empty(organization: UUID, root: UUID) -> Statement[object]:
    """Set the deletion of this item or version to `purged` when nothing is left of what it took: a file that
    was rejected in the trash cannot be restored.
    """
    return Statement(
        """
        update deletions
           set state = 'purged'
         where organization_id = %(organization)s
           and root_id = %(root)s
           and state = 'trash'
           and not exists (select
                             from media
                            where organization_id = %(organization)s
                              and deletion_id = deletions.id)
           and not exists (select
                             from versions
                            where organization_id = %(organization)s
                              and deletion_id = deletions.id)
        """,
        nothing,
        organization=organization,
        root=root,
    )


def in_trash(organization: UUID, *, before: tuple[datetime, UUID] | None, limit: int) -> Statement[Trashed]:
    """Read the deletions that can be restored, newest first, older than `before`."""
    at, last = before or (None, None)
    return Statement(
        """
        with page as (
          select id, kind, root_id, actor, at, purge_at, item_count
            from deletions
           where organization_id = %(organization)s
             and state = 'trash'
             and (%(at)s::timestamptz is null or (at, id) < (%(at)s::timestamptz, %(last)s::uuid))
           order by at desc, id desc
           limit %(limit)s
        )
        select page.id, page.kind, page.root_id, page.actor, page.at, page.purge_at, page.item_count,
               coalesce(item.name, family.name, collection.name) as name,
               coalesce(version.type, item.type) as type,
               coalesce(item.collection_id, family.collection_id, collection.id) as collection_id
          from page
          left join media item on item.organization_id = %(organization)s and item.id = page.root_id
          left join versions version on version.organization_id = %(organization)s
                                    and version.id = page.root_id
                                    and page.kind = 'version'
          left join media family on family.organization_id = %(organization)s and family.id = version.media_id
          left join collections collection on collection.organization_id = %(organization)s
                                          and collection.id = page.root_id
         order by page.at desc, page.id desc
        """,
        Trashed,
        organization=organization,
        at=at,
        last=last,
        limit=limit,
    )
