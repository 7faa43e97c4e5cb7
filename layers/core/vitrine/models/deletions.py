"""Deletions, what they took, what a restore brings back, and the storage that an organization uses.

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
    """An act of deletion that can be reversed."""

    id: UUID
    kind: DeletionKind
    root_id: UUID  # what was deleted; with it went what lay in it. Of a selection: one of several
    actor: UUID
    at: datetime
    purge_at: datetime | None  # from when on it is gone for good; None: never
    item_count: int  # files, versions counted
    name: str | None  # of the root
    type: MediaType | None  # of the root; None: a collection
    collection_id: UUID | None


@dataclass(frozen=True, slots=True)
class Restored:
    """An act that was reversed."""

    id: UUID  # of the item that was asked for
    deletion_id: UUID
    count: int  # files, versions counted


@dataclass(frozen=True, slots=True)
class Deleted:
    """An act of deletion: what it was of, and how many files went, versions counted."""

    id: UUID
    deletion_id: UUID
    count: int


@dataclass(frozen=True, slots=True)
class DeletedVersion:
    """An act of deletion that took one version."""

    id: UUID
    deletion_id: UUID
    promoted_id: UUID | None  # what its item shows in its place; None: it was not what the item showed


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
    # by open uploads, for what they may still land; not stored, but counted against the limit
    reserved_bytes: int = 0

    @property
    def stored_bytes(self) -> int:
        return self.active_bytes + self.trash_bytes
