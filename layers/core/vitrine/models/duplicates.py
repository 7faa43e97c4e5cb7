"""What makes two files the same or alike: hashes, perceptual distance, groups of duplicates.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
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

MAX_DISTANCE = 16  # bits of 64 that differ: what looks the same is nearer, and is kept

DEFAULT_DISTANCE = 6  # bits: measured, see "What looks the same" in docs/decisions.md


@dataclass(frozen=True, slots=True)
class FileToCheck:
    """What is known of a file before it is uploaded. None: nothing, and nothing is like it in that."""

    filename: str | None
    size_bytes: int | None
    sha256: bytes | None


@dataclass(frozen=True, slots=True)
class ExistingFile:
    """A file that another one is like."""

    id: UUID
    link_token: str
    status: Status
    created_at: datetime
    match: Literal["content", "name_and_size"]


@dataclass(frozen=True, slots=True)
class IdenticalVersion:
    """A version that has the bytes of another one."""

    id: UUID
    name: str  # of its item
    status: Status


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An item of a group."""

    media: Media
    distance: int  # bits of 64 in which it looks other than the first


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Items that are the same."""

    match: Literal["exact", "near"]  # in their bytes, or in how they look
    count: int  # all of them
    items: tuple[Duplicate, ...]  # the first to be uploaded first; of many, so many
    cursor: Cursor  # where a listing goes on after this group
