"""Items as they are shown, whole and in one statement; v1's list of them; and what an act of deletion
does to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from vitrine.db import Statement, nothing
from vitrine.models.media import MediaType
from vitrine.models.pages import Unchanged
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
    """A living item, its row locked."""

    id: UUID
    collection_id: UUID
    type: MediaType


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """Where a living item lies, its row locked."""

    id: UUID
    collection_id: UUID
    place_id: UUID  # its folder, or the collection at its root
    type: MediaType
    path: str | None  # ltree; None for a file
    verified: bool  # and so counted


_ONE_LIVING: LiteralString = """
         where media.organization_id = %(organization)s
           and media.id = %(item)s
           and media.status = 'active'
           and collection.status = 'active'
"""


def get(organization: UUID, item: UUID) -> Statement[Media]:
    """The item, file or folder. No row: it or its collection is deleted, or it was never there."""
    return Statement(
        f"select {COLUMNS} from media {JOINS}{_ONE_LIVING}",
        as_media,
        organization=organization,
        item=item,
    )


def get_without_counts(organization: UUID, item: UUID) -> Statement[Media]:
    """The same without what a folder tells of its inside: its own state, which costs the same however
    much lies in it.
    """
    return Statement(
        f"select {COLUMNS_WITHOUT_COUNTS} from media {JOINS_WITHOUT_COUNTS}{_ONE_LIVING}",
        as_media,
        organization=organization,
        item=item,
    )


# Deleting. The collection is held first (collections.hold_for_change), then the items, then they are marked;
# the rest goes by the mark.


def lock(organization: UUID, item: UUID) -> Statement[LockedItem]:
    """The item, locked until the transaction ends. No row: it or its collection is deleted, or it was
    never there.
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


# Changing. The item is held first (hold, or hold_place where it is to lie elsewhere).


def rename(organization: UUID, item: UUID, name: str, actor: UUID) -> Statement[object]:
    """The item has this name."""
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


def replace_description(organization: UUID, item: UUID, said: Description, actor: UUID) -> Statement[object]:
    """This is said of the item and nothing else; its tags are another table's."""
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
        title=said.title,
        alt=said.alt,
        caption=said.caption,
        metadata=Jsonb(said.metadata),
        actor=actor,
    )


def change_description(
    organization: UUID, item: UUID, said: DescriptionChanges, actor: UUID
) -> Statement[object]:
    """This is said of the item, and the rest as before."""
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
        title=None if isinstance(said.title, Unchanged) else said.title,
        title_stays=isinstance(said.title, Unchanged),
        alt=None if isinstance(said.alt, Unchanged) else said.alt,
        alt_stays=isinstance(said.alt, Unchanged),
        caption=None if isinstance(said.caption, Unchanged) else said.caption,
        caption_stays=isinstance(said.caption, Unchanged),
    )


def lock_place(organization: UUID, item: UUID) -> Statement[PlacedItem]:
    """Where the item lies, its row locked until the transaction ends. No row: it or its collection is
    deleted, or it was never there.

    The lock lets in what refers to the item (a frame, a version), and nothing that changes it.
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
        PlacedItem,
        organization=organization,
        item=item,
    )


def set_folder(organization: UUID, item: UUID, folder: UUID | None, actor: UUID) -> Statement[object]:
    """The item lies in this folder (None: at its collection's root). The folders below follow by
    `folders.reroot`; a file names its parent alone.
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


# Rows into nouns.
