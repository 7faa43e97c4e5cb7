"""Media items with their frames, captions and detections.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from vitrine.models.pages import UNCHANGED

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.pages import Unchanged
    from vitrine.models.places import FolderPath
else:
    from vitrine.records import dataclass

MediaType = Literal["image", "video", "pdf", "folder"]

Status = Literal["active", "deleted"]

Processing = Literal["pending", "ready", "failed"]

MediaCheck: TypeAlias = "Callable[[Media], None]"  # examines an item before a change, and may raise

MAX_NAME = 255  # code points

MAX_URL = 2048  # UTF-16 code units of an external URL


@dataclass(frozen=True, slots=True)
class Caption:
    """A text that describes a frame."""

    id: UUID
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Detection:
    """An object that was found in a frame."""

    id: UUID
    type: str
    label: str
    polygon: tuple[tuple[float, float], ...]  # corners in pixels of the frame
    score: float  # 0 to 1
    crop_key: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """A still picture of a version: the picture itself, a moment of a video, or a page."""

    id: UUID
    at_seconds: float
    end_seconds: float | None
    page_number: int | None
    key: str
    width: int  # pixels
    height: int
    thumbnail_key: str
    text: str | None
    created_at: datetime
    captions: tuple[Caption, ...]
    detections: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """A file with what its active version shows, a folder, or a version shown as itself."""

    id: UUID
    organization_id: UUID
    collection_id: UUID
    collection_name: str
    path: FolderPath  # ends in the item's own id, also for a file
    type: MediaType
    status: Status
    row_version: int
    name: str
    title: str | None
    alt: str | None
    caption: str | None
    metadata: dict[str, object]  # the client's own, without tags
    tags: dict[str, list[str]]  # group -> values
    link_token: str
    version_id: UUID | None  # the active one; None for a folder
    version_number: int
    filename: str | None
    mime_type: str | None
    size_bytes: int
    width: int | None  # pixels, as displayed
    height: int | None
    duration: float | None  # None for stills
    sha256: bytes | None
    placeholder: bytes | None  # ThumbHash
    taken_at: datetime | None  # where the zone is unknown, the camera's local time is taken as UTC
    taken_zone: str | None  # "+02:00"; "Z" for UTC; None when unknown
    processing: Processing | None  # None for a folder
    processing_reason: str | None
    moderation: dict[str, object] | None
    verified_at: datetime | None
    created_at: datetime
    created_by: UUID
    updated_at: datetime
    updated_by: UUID | None
    frames: tuple[Frame, ...]
    codec: str | None = None  # of a video, FFmpeg's name; None for stills
    frame_rate: float | None = None  # of a video, frames per second; None for stills
    inside_count: int | None = None  # of a folder: active images and videos at any depth; None for a file
    preview_keys: tuple[str, ...] = ()  # of a folder: thumbnails of its newest files, four at most
    source_media_id: UUID | None = None  # of a version shown as itself: its item; None for a first version
    is_active: bool = True  # False for a version that its item does not show
    is_reprocessing: bool = False  # new frames are being derived
    reprocess_failure: str | None = None  # why the last reprocessing failed and left the frames as they were
    colors: tuple[str, ...] = ()  # "#rrggbb", the most common first
    exif: dict[str, object] | None = None  # camera and lens metadata; None: the file has none


@dataclass(frozen=True, slots=True)
class Description:
    """The complete description of an item: a field that is None or missing is cleared."""

    title: str | None
    alt: str | None
    caption: str | None
    tags: dict[str, list[str]]  # group -> values
    metadata: dict[str, object]  # the client's own keys


@dataclass(frozen=True, slots=True)
class DescriptionChanges:
    """The fields of an item's description that are to change. None clears a field."""

    title: str | Unchanged | None = UNCHANGED
    alt: str | Unchanged | None = UNCHANGED
    caption: str | Unchanged | None = UNCHANGED


@dataclass(frozen=True, slots=True)
class Link:
    """The target of a permanent link."""

    organization_id: UUID
    name: str
    filename: str | None
    mime_type: str | None
    processing: Processing
    key: str | None  # None for an external URL
    external_url: str | None
    frame_key: str | None  # None: no frame was derived (yet)
    frame_mime_type: str | None
    thumbnail_key: str | None
