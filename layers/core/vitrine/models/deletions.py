"""Deletions, the trash, and the storage that an organization uses.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.media import MediaType
else:
    from vitrine.records import dataclass

DeletionKind = Literal["media", "folder", "version", "collection", "selection"]


@dataclass(frozen=True, slots=True)
class Trashed:
    """A deletion that can be restored."""

    id: UUID
    kind: DeletionKind
    root_id: UUID  # what was deleted, together with all it contained; for a selection, one of its items
    actor: UUID
    at: datetime
    purge_at: datetime | None  # when it is purged; None: never
    item_count: int  # files, counting each version
    name: str | None  # of the root
    type: MediaType | None  # of the root; None: a collection
    collection_id: UUID | None


@dataclass(frozen=True, slots=True)
class Restored:
    """A deletion that was restored."""

    id: UUID  # the item that the request named
    deletion_id: UUID
    count: int  # files, counting each version


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deletion that was made: what was deleted, and how many files went with it."""

    id: UUID
    deletion_id: UUID
    count: int  # files, counting each version


@dataclass(frozen=True, slots=True)
class DeletedVersion:
    """A deletion of one version."""

    id: UUID
    deletion_id: UUID
    promoted_id: UUID | None  # the version that its item now shows instead; None: the same as before


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes and originals of an organization, by state and kind."""

    active_bytes: int
    trash_bytes: int
    original_bytes: int
    derived_bytes: int
    active_count: int
    trash_count: int
    limit_bytes: int | None
    # what open uploads have reserved: not stored, but counted against the limit
    reserved_bytes: int = 0

    @property
    def stored_bytes(self) -> int:
        return self.active_bytes + self.trash_bytes
