"""Duplicates: files with equal bytes, with equal name and size, or similar pictures (a small distance).

Sizes are bytes, times aware datetimes in UTC. A distance is the number of differing bits in two 64-bit
perceptual hashes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.media import Media, Status
    from vitrine.models.pages import Cursor
else:
    from vitrine.records import dataclass

MAX_DISTANCE = 16  # pairs of pictures at most this far apart are recorded, and so can be listed

DEFAULT_DISTANCE = 6  # measured: docs/decisions/duplicates.md, "What looks the same"


@dataclass(frozen=True, slots=True)
class FileToCheck:
    """A file that a client may upload, described before the upload. A field that is None matches nothing."""

    filename: str | None
    size_bytes: int | None
    sha256: bytes | None


@dataclass(frozen=True, slots=True)
class ExistingFile:
    """A file of the organization that matches one to be checked."""

    id: UUID
    link_token: str
    status: Status
    created_at: datetime
    match: Literal["content", "name_and_size"]


@dataclass(frozen=True, slots=True)
class IdenticalVersion:
    """A version whose bytes are those of another version."""

    id: UUID
    name: str  # the item's
    status: Status


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An item in a group of duplicates."""

    media: Media
    distance: int  # from the group's first item; 0 for equal bytes


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Items of a collection with equal bytes, or similar pictures."""

    match: Literal["exact", "near"]  # equal bytes, or similar pictures
    count: int  # of all items in the group
    items: tuple[Duplicate, ...]  # sorted by upload, oldest first; a large group is cut off
    cursor: Cursor  # continues the listing after this group
