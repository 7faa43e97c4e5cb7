"""Statements on many items at once, one statement however many items there are.

Collections are locked first, then the items, always sorted by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

from vitrine.db import Statement, nothing
from vitrine.models.places import FolderPath
from vitrine.queries import TOUCHED
from vitrine.queries.deletions import LockedDeletion
from vitrine.queries.media import PlacedItem, as_placed_item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine.queries.tags import Label


@dataclass(frozen=True, slots=True)
class MarkedItem:
    """An item that a deletion marked by itself, and not together with a folder above it."""

    id: UUID
    is_folder: bool


@dataclass(frozen=True, slots=True)
class FolderDepth:
    """The depth of the deepest folder below a folder."""

    id: UUID
    depth: int


@dataclass(frozen=True, slots=True)
class TagCount:
    """The number of an item's tags, hidden ones too, and whether a given tag is among them and visible."""

    id: UUID
    tags: int
    has_tag: bool


@dataclass(frozen=True, slots=True)
class UntaggedItem:
    """An item from which a tag was detached."""

    id: UUID


@dataclass(frozen=True, slots=True)
class DeletionOfItem:
    """An item, and the deletion that removed it."""

    id: UUID
    deletion_id: UUID | None  # None: the item is active


def lock_collections(organization: UUID, items: Sequence[UUID]) -> Statement[object]:
    """Lock the collections of these items, so that other transactions insert, move, delete and restore
    nothing
    in them until the transaction ends. An id in `items` may be a collection's own too.

    Read places in a following statement: rows read by the locking statement itself may be older than the
    lock.
    """
    return Statement(
        f"{_COLLECTIONS} for no key update",
        nothing,
        organization=organization,
        items=list(items),
    )


def lock_collections_shared(organization: UUID, items: Sequence[UUID]) -> Statement[object]:
    """Lock the collections of these items, so that nothing in them is moved, deleted or restored until the
    transaction ends. An id in `items` may be a collection's own too. Other transactions can insert items
    meanwhile.
    """
    return Statement(
        f"{_COLLECTIONS} for share",
        nothing,
        organization=organization,
        items=list(items),
    )


_COLLECTIONS: LiteralString = """
        select id
          from collections
         where organization_id = %(organization)s
           and (id = any(%(items)s)
                or id in (select collection_id
                            from media
                           where organization_id = %(organization)s
                             and id = any(%(items)s)))
         order by id
"""


def lock_to_delete(organization: UUID, items: Sequence[UUID]) -> Statement[PlacedItem]:
    """Lock the active ones of these items until the transaction ends, also against inserts that refer to
    them.
    """
    return Statement(
        f"{_PLACED_ITEMS} for update of media",
        as_placed_item,
        organization=organization,
        items=list(items),
    )


def lock(organization: UUID, items: Sequence[UUID]) -> Statement[PlacedItem]:
    """Lock the active ones of these items until the transaction ends. Inserts that refer to them (a frame, a
    version) are not blocked.
    """
    return Statement(
        f"{_PLACED_ITEMS} for no key update of media",
        as_placed_item,
        organization=organization,
        items=list(items),
    )


_PLACED_ITEMS: LiteralString = """
        select media.id, media.collection_id, media.place_id, media.type,
               media.verified_at is not null as verified,
               (select path::text
                  from folder_paths
                 where organization_id = %(organization)s
                   and folder_id = media.id) as path
          from media
          join collections collection on collection.organization_id = %(organization)s
                                     and collection.id = media.collection_id
                                     and collection.status = 'active'
         where media.organization_id = %(organization)s
           and media.id = any(%(items)s)
           and media.status = 'active'
         order by media.id
"""


def mark(organization: UUID, deletion: UUID, items: Sequence[UUID], actor: UUID) -> Statement[MarkedItem]:
    """Mark those of these items that are still active as deleted by this deletion. Run it after
    `trash.mark_below`: the items it returns are the deletion's roots.
    """
    return Statement(
        f"""
        update media
           set status = 'deleted', deletion_id = %(deletion)s, {TOUCHED}
         where organization_id = %(organization)s
           and id = any(%(items)s)
           and status = 'active'
        returning id, type = 'folder' as is_folder
        """,
        MarkedItem,
        organization=organization,
        deletion=deletion,
        items=list(items),
        actor=actor,
    )


def set_root(organization: UUID, deletion: UUID, root: MarkedItem) -> Statement[object]:
    """Make this item the deletion's only root, and set the deletion's kind to the item's: `folder` or
    `media`.
    """
    return Statement(
        """
        update deletions
           set kind = %(kind)s, root_id = %(root)s
         where organization_id = %(organization)s
           and id = %(deletion)s
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        kind="folder" if root.is_folder else "media",
        root=root.id,
    )


def insert_roots(organization: UUID, deletion: UUID, roots: Sequence[UUID]) -> Statement[object]:
    """Record the roots of a deletion that has more than one root. `set_root` records a single one."""
    return Statement(
        """
        insert into deletion_roots (organization_id, deletion_id, root_id)
        select %(organization)s, %(deletion)s, root from unnest(%(roots)s::uuid[]) as root
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        roots=list(roots),
    )


def lock_deletions(organization: UUID, items: Sequence[UUID]) -> Statement[LockedDeletion]:
    """Lock the deletions of these items until the transaction ends. For purged roots, lock the deletions that
    removed them.
    """
    return Statement(
        """
        select id, kind, root_id, state, item_count, kind = 'folder' as is_folder,
               kind = 'version' as is_version
          from deletions
         where organization_id = %(organization)s
           and id in (select deletion_id
                        from media
                       where organization_id = %(organization)s
                         and id = any(%(items)s)
                      union
                      select id
                        from deletions
                       where organization_id = %(organization)s
                         and root_id = any(%(items)s)
                         and state in ('purging', 'purged')
                      union
                      select deletion_id
                        from deletion_roots
                       where organization_id = %(organization)s
                         and root_id = any(%(items)s))
         order by id
           for update
        """,
        LockedDeletion,
        organization=organization,
        items=list(items),
    )


def get_deletions(organization: UUID, items: Sequence[UUID]) -> Statement[DeletionOfItem]:
    """The deletion of each of these items, existing items first. No row for an item that never existed or was
    purged together with a folder.
    """
    return Statement(
        """
        select id, deletion_id from media where organization_id = %(organization)s and id = any(%(items)s)
        union all
        select root_id, id
          from deletions
         where organization_id = %(organization)s
           and root_id = any(%(items)s)
           and state in ('purging', 'purged')
           and kind <> 'collection'
        union all
        select root.root_id, root.deletion_id
          from deletion_roots root
          join deletions deletion on deletion.organization_id = %(organization)s
                                 and deletion.id = root.deletion_id
                                 and deletion.state in ('purging', 'purged')
         where root.organization_id = %(organization)s
           and root.root_id = any(%(items)s)
        """,
        DeletionOfItem,
        organization=organization,
        items=list(items),
    )


def get_depths(folders: Sequence[UUID]) -> Statement[FolderDepth]:
    """For each folder, the number of folders on the way from the collection to the deepest folder below it,
    or to itself. Deleted folders count too.
    """
    return Statement(
        """
        select folder as id, max(nlevel(below.path)) - 1 as depth
          from unnest(%(folders)s::uuid[]) as folder
         -- a security definer function: ltree operators cannot use an index under row-level security
         cross join lateral subtree(folder) as below
         group by folder
        """,
        FolderDepth,
        folders=list(folders),
    )


def count_move(organization: UUID, items: Sequence[UUID], place: UUID) -> Statement[object]:
    """Count these items in their new place, and no longer in their present one. Run it before they
    are moved.
    """
    return Statement(
        """
        insert into count_ledger (organization_id, collection_id, place_id, type, delta)
        select media.organization_id, media.collection_id, side.place_id, media.type,
               (side.sign * count(*))::integer
          from media
         cross join lateral (values (media.place_id, -1), (%(place)s::uuid, 1)) as side (place_id, sign)
         where media.organization_id = %(organization)s
           and media.id = any(%(items)s)
           and media.verified_at is not null
         group by media.organization_id, media.collection_id, side.place_id, media.type, side.sign
        """,
        nothing,
        organization=organization,
        items=list(items),
        place=place,
    )


def set_folder(
    organization: UUID, items: Sequence[UUID], folder: UUID | None, actor: UUID
) -> Statement[object]:
    """Move these items into this folder (None: to their collection's root). Items and folder are in one
    collection, which the caller has locked. The paths of folders among them are changed by `reroot`
    afterwards.
    """
    return Statement(
        f"""
        update media
           set parent_id = %(folder)s, {TOUCHED}
         where organization_id = %(organization)s
           and id = any(%(items)s)
        """,
        nothing,
        organization=organization,
        items=list(items),
        folder=folder,
        actor=actor,
    )


def reroot(organization: UUID, folders: Sequence[UUID], under: FolderPath) -> Statement[object]:
    """Rewrite the paths of these folders and of all folders below them, deleted ones too, to lie directly
    under `under`. When one of these folders is inside another, it is moved out of it.
    """
    return Statement(
        """
        update folder_paths
           set path = %(under)s::ltree
                      || subpath(path, (select max(label.level)::integer - 1
                                          from string_to_table(path::text, '.')
                                               with ordinality as label (folder, level)
                                         where label.folder = any(%(labels)s)))
         where organization_id = %(organization)s
           and folder_id = any(array(select below.id
                                       from unnest(%(folders)s::uuid[]) as folder
                                      cross join lateral subtree(folder) as below))
        """,
        nothing,
        organization=organization,
        folders=list(folders),
        labels=[folder.hex for folder in folders],
        under=str(under),
    )


def count_tags(organization: UUID, items: Sequence[UUID], label: Label) -> Statement[TagCount]:
    """The tag counts of these items. No row for an item without tags."""
    return Statement(
        """
        select media_tags.media_id as id, count(*) as tags,
               bool_or(tag.is_active and tag."group" = %(group)s and tag.name = %(name)s) as has_tag
          from media_tags
          join tags tag on tag.organization_id = %(organization)s and tag.id = media_tags.tag_id
         where media_tags.organization_id = %(organization)s
           and media_tags.media_id = any(%(items)s)
         group by media_tags.media_id
        """,
        TagCount,
        organization=organization,
        items=list(items),
        group=label.group,
        name=label.name,
    )


def attach_tag(organization: UUID, items: Sequence[UUID], label: Label, actor: UUID) -> Statement[object]:
    """Attach the tag of this label, which exists, to these items."""
    return Statement(
        """
        insert into media_tags (organization_id, media_id, tag_id, created_by)
        select %(organization)s, item, tag.id, %(actor)s
          from tags tag
         cross join unnest(%(items)s::uuid[]) as item
         where tag.organization_id = %(organization)s
           and tag."group" = %(group)s
           and tag.name = %(name)s
            on conflict (organization_id, media_id, tag_id) do nothing
        """,
        nothing,
        organization=organization,
        items=list(items),
        group=label.group,
        name=label.name,
        actor=actor,
    )


def detach_tags(
    organization: UUID, items: Sequence[UUID], group: str, name: str | None
) -> Statement[UntaggedItem]:
    """Detach this value of the group (None: all values) from these items; hidden tags stay. One row for each
    tag detached.
    """
    return Statement(
        """
        delete from media_tags
         using tags tag
         where media_tags.organization_id = %(organization)s
           and media_tags.media_id = any(%(items)s)
           and tag.organization_id = %(organization)s
           and tag.id = media_tags.tag_id
           and tag.is_active
           and tag."group" = %(group)s
           and (%(name)s::text is null or tag.name = %(name)s)
        returning media_tags.media_id as id
        """,
        UntaggedItem,
        organization=organization,
        items=list(items),
        group=group,
        name=name,
    )


def touch(organization: UUID, items: Sequence[UUID], actor: UUID) -> Statement[object]:
    """Record that these items changed, because their tags are shown with them."""
    return Statement(
        f"""
        update media
           set {TOUCHED}
         where organization_id = %(organization)s
           and id = any(%(items)s)
        """,
        nothing,
        organization=organization,
        items=list(items),
        actor=actor,
    )
