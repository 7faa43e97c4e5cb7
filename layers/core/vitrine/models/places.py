"""The places of media: collections, folders, and the path of a folder.

Times are aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from dataclasses import dataclass
    from datetime import datetime

    from vitrine.models.media import Status
else:
    from vitrine.records import dataclass

MAX_FOLDER_DEPTH = 32


@dataclass(frozen=True, slots=True)
class FolderPath:
    """The way to a place: a collection, and the folders from its root down to one of them. No folders: the
    root.

    `str(path)` is the text that PostgreSQL's ltree and the Studio API use: 32 hexadecimal digits for each id,
    joined by dots, the collection first. The path of a file is written in the same way: its last id is the
    file's.
    """

    collection_id: UUID
    folder_ids: tuple[UUID, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FolderPath:
        """The path that this text stands for. Raises ValueError where a label is not an id."""
        collection, *folders = (UUID(hex=label) for label in text.split("."))
        return cls(collection, tuple(folders))

    def __str__(self) -> str:
        return ".".join(part.hex for part in (self.collection_id, *self.folder_ids))

    @property
    def place_id(self) -> UUID:
        """The id of the folder that the path ends in, or of the collection."""
        return self.folder_ids[-1] if self.folder_ids else self.collection_id

    @property
    def folder_id(self) -> UUID | None:
        """The id of the folder that the path ends in; None for a collection's root."""
        return self.folder_ids[-1] if self.folder_ids else None

    @property
    def depth(self) -> int:
        """How many folders are on the way, the last one counted: 0 for a collection's root."""
        return len(self.folder_ids)

    def below(self, child: UUID) -> FolderPath:
        """The path of an item directly in this place."""
        return FolderPath(self.collection_id, (*self.folder_ids, child))

    def within(self, folder: FolderPath) -> bool:
        """Whether this path is the path of `folder`, or leads through it."""
        same_collection = self.collection_id == folder.collection_id
        return same_collection and self.folder_ids[: folder.depth] == folder.folder_ids


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
    """A folder, or the root of a collection: then `id` is the collection's, and the path has no folders."""

    id: UUID
    collection_id: UUID
    path: FolderPath
    name: str
    status: Status
    created_at: datetime
    created_by: UUID
