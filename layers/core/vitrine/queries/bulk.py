"""What is done to many items at once: each a statement, however many they are. Collections are held
first, then the items, always by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

from vitrine.db import Statement, nothing
from vitrine.queries import TOUCHED
from vitrine.queries.deletions import Deletion
from vitrine.queries.media import PlacedItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine.queries.tags import Label


@dataclass(frozen=True, slots=True)
class MarkedItem:
    """An item that this act took for itself, and not with a folder."""

    id: UUID
    is_folder: bool


@dataclass(frozen=True, slots=True)
class FolderDepth:
    """As in queries.folders, of one of several."""

    id: UUID
    depth: int


@dataclass(frozen=True, slots=True)
class TagCount:
    """How many tags an item has, hidden ones too, and whether the one asked for is among them and shown."""

    id: UUID
    tags: int
    has_it: bool


@dataclass(frozen=True, slots=True)
class UntaggedItem:
    id: UUID


@dataclass(frozen=True, slots=True)
class DeletionOfItem:
    """What became of an item."""

    id: UUID
    deletion_id: UUID | None  # the act that took it; None: it lives


def lock_collections(organization: UUID, items: Sequence[UUID]) -> Statement[object]:
    """In the collections of these items, or of these ids, nothing is born, moved, deleted or restored by
    others until the transaction ends.

    The state of places must be read by a later statement: this one may have waited, and reads as of before it
    did.
    """
    return Statement(
        f"{_COLLECTIONS} for no key update",
        nothing,
        organization=organization,
        items=list(items),
    )


def lock_collections_shared(organization: UUID, items: Sequence[UUID]) -> Statement[object]:
    """The same, but that others may be born there."""
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
                or id in (select collection_id from media where organization_id = %(organization)s and id = any(%(items)s)))
         order by id
"""


def lock_to_delete(organization: UUID, items: Sequence[UUID]) -> Statement[PlacedItem]:
    """Those of these items that live, locked until the transaction ends against all that would refer to
    them, too.
    """
    return Statement(
        f"{_HELD} for update of media",
        PlacedItem,
        organization=organization,
        items=list(items),
    )


def lock(organization: UUID, items: Sequence[UUID]) -> Statement[PlacedItem]:
    """The same, letting in what refers to them (a frame, a version)."""
    return Statement(
        f"{_HELD} for no key update of media",
        PlacedItem,
        organization=organization,
        items=list(items),
    )


_HELD: LiteralString = """
        select media.id, media.collection_id, media.place_id, media.type,
               media.verified_at is not null as verified,
          from media
          join collections collection on collection.organization_id = %(organization)s
                                     and collection.id = media.collection_id
                                     and collection.status = 'active'
         where media.organization_id = %(organization)s
           and media.id = any(%(items)s)
           and media.status = 'active'
         order by media.id
"""


# Deleting.


def mark(organization: UUID, deletion: UUID, items: Sequence[UUID], actor: UUID) -> Statement[MarkedItem]:
    """Those of these items that still live are deleted by this act: sent after media.mark_below, they are
    the act's roots.
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
    """The act is one of this item alone."""
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
    """The act is one of these items."""
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


# Restoring.


def lock_deletions(organization: UUID, items: Sequence[UUID]) -> Statement[Deletion]:
    """The acts that took these items, locked until the transaction ends; of roots that are gone for good,
    the acts that took them.
    """
    return Statement(
        """
        select id, kind, root_id, state, item_count, kind = 'folder' as is_folder,
               kind = 'version' as is_version
          from deletions
         where organization_id = %(organization)s
           and id in (select deletion_id from media where organization_id = %(organization)s and id = any(%(items)s)
                      union
                      select id
                        from deletions
                       where organization_id = %(organization)s and root_id = any(%(items)s) and state in ('purging', 'purged')
                      union
                      select deletion_id from deletion_roots where organization_id = %(organization)s and root_id = any(%(items)s))
         order by id
           for update
        """,
        Deletion,
        organization=organization,
        items=list(items),
    )


def get_deletions(organization: UUID, items: Sequence[UUID]) -> Statement[DeletionOfItem]:
    """What became of these items, first of those that are there. No row: it was never there, or went with
    another one for good.
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


# Moving.


def get_depths(folders: Sequence[UUID]) -> Statement[FolderDepth]:
    """How many folders lie on the way from the collection to the deepest folder below each of these
    (itself, where there is none), also the trash.
    """
    return Statement(
        """
        select folder as id, max(nlevel(below.path)) - 1 as depth
          from unnest(%(folders)s::uuid[]) as folder
         -- definer function: paths find no index under a policy
         cross join lateral subtree(folder) as below
         group by folder
        """,
        FolderDepth,
        folders=list(folders),
    )


def count_move(organization: UUID, items: Sequence[UUID], place: UUID) -> Statement[object]:
    """These items are counted in a place of their collection, and no more where they lie. To be sent
    before they are put there.
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
    """These items lie in this folder (None: at their collection's root). The folders below follow by
    `reroot`.
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


def reroot(organization: UUID, folders: Sequence[UUID], under: str) -> Statement[object]:
    """These folders and all below them, deleted ones too, have the paths of their new place; of one that
    lay in another one, its own.
    """
    return Statement(
        """
        update folder_paths
           set path = %(under)s::ltree || subpath(path, (select max(label.level)::integer - 1
                                                           from string_to_table(path::text, '.') with ordinality as label (folder, level)
                                                          where label.folder = any(%(labels)s)))
         where organization_id = %(organization)s
           and folder_id = any(array(select below.id from unnest(%(folders)s::uuid[]) as folder cross join lateral subtree(folder) as below))
        """,
        nothing,
        organization=organization,
        folders=list(folders),
        labels=[folder.hex for folder in folders],
        under=under,
    )


# Tagging.


def count_tags(organization: UUID, items: Sequence[UUID], label: Label) -> Statement[TagCount]:
    """No row of an item without tags."""
    return Statement(
        """
        select media_tags.media_id as id, count(*) as tags,
               bool_or(tag.is_active and tag."group" = %(group)s and tag.name = %(name)s) as has_it
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
    """These items have the tag of this label, which there is."""
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
    """These items do not have this value in the group (None: none there), hidden ones aside. Each as
    often as it had one.
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
    """These items are others than they were: their tags are shown with them."""
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
