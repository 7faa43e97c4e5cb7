"""Single items: read, lock, rename, describe and move them.

Lock the item first (`lock`, or `lock_place` before a move), then change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from vitrine.db import Statement, nothing
from vitrine.models.media import MediaType
from vitrine.models.pages import Unchanged
from vitrine.models.places import FolderPath
from vitrine.queries import TOUCHED
from vitrine.queries.media_columns import (
    COLUMNS,
    COLUMNS_WITHOUT_COUNTS,
    JOINS,
    JOINS_WITHOUT_COUNTS,
    as_media,
)

if TYPE_CHECKING:
    from vitrine.models.media import Description, DescriptionChanges, Media


@dataclass(frozen=True, slots=True)
class LockedItem:
    """An active item whose row is locked."""

    id: UUID
    collection_id: UUID
    type: MediaType


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """An active item whose row is locked, and its place."""

    id: UUID
    collection_id: UUID
    place_id: UUID  # its folder; the collection for an item at the root
    type: MediaType
    path: FolderPath | None  # of a folder, its own id last; None for a file
    verified: bool  # only verified items are counted in their place


_ONE_ACTIVE: LiteralString = """
         where media.organization_id = %(organization)s
           and media.id = %(item)s
           and media.status = 'active'
           and collection.status = 'active'
"""


def get(organization: UUID, item: UUID) -> Statement[Media]:
    """The item, file or folder. No row: the item or its collection is deleted, or the item never existed."""
    return Statement(
        f"select {COLUMNS} from media {JOINS}{_ONE_ACTIVE}",
        as_media,
        organization=organization,
        item=item,
    )


def get_without_counts(organization: UUID, item: UUID) -> Statement[Media]:
    """The item without the two values that count a folder's content. The cost does not depend on that
    content.

    No row: the item or its collection is deleted, or the item never existed.
    """
    return Statement(
        f"select {COLUMNS_WITHOUT_COUNTS} from media {JOINS_WITHOUT_COUNTS}{_ONE_ACTIVE}",
        as_media,
        organization=organization,
        item=item,
    )


def lock(organization: UUID, item: UUID) -> Statement[LockedItem]:
    """Lock the item until the transaction ends. No row: the item or its collection is deleted, or the item
    never existed.
    """
    return Statement(
        """
        select media.id, media.collection_id, media.type
          from media
          join collections collection on collection.organization_id = %(organization)s
                                     and collection.id = media.collection_id
                                     and collection.status = 'active'
         where media.organization_id = %(organization)s
           and media.id = %(item)s
           and media.status = 'active'
           for update of media
        """,
        LockedItem,
        organization=organization,
        item=item,
    )


def rename(organization: UUID, item: UUID, name: str, actor: UUID) -> Statement[object]:
    """Set the item's name."""
    return Statement(
        f"""
        update media
           set name = %(name)s, {TOUCHED}
         where organization_id = %(organization)s
           and id = %(item)s
        """,
        nothing,
        organization=organization,
        item=item,
        name=name,
        actor=actor,
    )


def replace_description(
    organization: UUID, item: UUID, description: Description, actor: UUID
) -> Statement[object]:
    """Replace the item's whole description, except the tags, which are stored in a table of their own."""
    return Statement(
        f"""
        update media
           set title = %(title)s, alt = %(alt)s, caption = %(caption)s, metadata = %(metadata)s,
               {TOUCHED}
         where organization_id = %(organization)s
           and id = %(item)s
        """,
        nothing,
        organization=organization,
        item=item,
        title=description.title,
        alt=description.alt,
        caption=description.caption,
        metadata=Jsonb(description.metadata),
        actor=actor,
    )


def change_description(
    organization: UUID, item: UUID, description: DescriptionChanges, actor: UUID
) -> Statement[object]:
    """Set the fields of the description that are to change."""
    return Statement(
        f"""
        update media
           set title = case when %(title_stays)s then title else %(title)s end,
               alt = case when %(alt_stays)s then alt else %(alt)s end,
               caption = case when %(caption_stays)s then caption else %(caption)s end,
               {TOUCHED}
         where organization_id = %(organization)s
           and id = %(item)s
        """,
        nothing,
        organization=organization,
        item=item,
        actor=actor,
        title=None if isinstance(description.title, Unchanged) else description.title,
        title_stays=isinstance(description.title, Unchanged),
        alt=None if isinstance(description.alt, Unchanged) else description.alt,
        alt_stays=isinstance(description.alt, Unchanged),
        caption=None if isinstance(description.caption, Unchanged) else description.caption,
        caption_stays=isinstance(description.caption, Unchanged),
    )


def lock_place(organization: UUID, item: UUID) -> Statement[PlacedItem]:
    """Lock the item until the transaction ends, and read its place. No row: the item or its collection is
    deleted, or the item never existed.

    `for no key update` does not block inserts that refer to the item (a frame, a version), only changes of
    the item.
    """
    return Statement(
        """
        select media.id, media.collection_id, media.place_id, media.type, place.path::text as path,
               media.verified_at is not null as verified
          from media
          left join folder_paths place on place.organization_id = %(organization)s
                                      and place.folder_id = media.id
          join collections collection on collection.organization_id = %(organization)s
                                     and collection.id = media.collection_id
                                     and collection.status = 'active'
         where media.organization_id = %(organization)s
           and media.id = %(item)s
           and media.status = 'active'
           for no key update of media
        """,
        as_placed_item,
        organization=organization,
        item=item,
    )


def set_folder(organization: UUID, item: UUID, folder: UUID | None, actor: UUID) -> Statement[object]:
    """Move the item into this folder (None: to its collection's root).

    The paths of a moved folder and of the folders below it change by `folders.reroot`. A file's row names
    only its parent.
    """
    return Statement(
        f"""
        update media
           set parent_id = %(folder)s, {TOUCHED}
         where organization_id = %(organization)s
           and id = %(item)s
        """,
        nothing,
        organization=organization,
        item=item,
        folder=folder,
        actor=actor,
    )


def as_placed_item(*, path: str | None, **columns: Any) -> PlacedItem:
    """Make a PlacedItem of a row with its columns; `path` is ltree's text."""
    return PlacedItem(path=None if path is None else FolderPath.parse(path), **columns)
