"""Where media lies: collections, folders and the path of a folder.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.media import Status
else:
    from vitrine.records import dataclass

MAX_FOLDER_DEPTH = 32


@dataclass(frozen=True, slots=True)
class FolderPath:
    """A place: a collection, and the folders down to one of them (none: the collection's root)."""

    collection_id: UUID
    folder_ids: tuple[UUID, ...] = ()

    @property
    def place_id(self) -> UUID:
        """The folder it ends in, or the collection."""
        return self.folder_ids[-1] if self.folder_ids else self.collection_id

    def below(self, child: UUID) -> FolderPath:
        """The path of something that lies here."""
        return FolderPath(self.collection_id, (*self.folder_ids, child))

    def ltree(self) -> str:
        """As PostgreSQL's ltree spells it: 32 hexadecimal digits, joined by dots."""
        return ".".join(part.hex for part in (self.collection_id, *self.folder_ids))


@dataclass(frozen=True, slots=True)
class Collection:
    id: UUID
    organization_id: UUID
    name: str
    icon: str | None
    type: str
    is_default: bool
    row_version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, or the root of a collection (then `id` is the collection's and the path has no folder)."""

    id: UUID
    collection_id: UUID
    path: FolderPath
    name: str
    status: Status
    created_at: datetime
    created_by: UUID
