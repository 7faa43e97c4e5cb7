"""Media items with their frames, captions and detections.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vitrine.models.pages import UNCHANGED

if TYPE_CHECKING:
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.pages import Unchanged
else:
    from vitrine.records import dataclass

MediaType = Literal["image", "video", "pdf", "folder"]

Status = Literal["active", "deleted"]

Processing = Literal["pending", "ready", "failed"]

MAX_NAME = 255  # code points

MAX_URL = 2048  # UTF-16 units of a URL that an item leads to


@dataclass(frozen=True, slots=True)
class Caption:
    id: UUID
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Detection:
    id: UUID
    type: str
    label: str
    polygon: tuple[tuple[float, float], ...]  # corners in pixels of the frame
    score: float  # 0 to 1
    crop_key: str | None


@dataclass(frozen=True, slots=True)
class Frame:
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
    """An item as it is shown: a file (with what its active version shows) or a folder; or a version,
    shown as itself.
    """

    id: UUID
    organization_id: UUID
    collection_id: UUID
    collection_name: str
    path: str  # ltree, the item's own id last
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
    taken_at: datetime | None  # as if the camera's clock had been in UTC where its zone is not known
    taken_zone: str | None  # "+02:00"; "Z": UTC
    processing: Processing | None  # None for a folder
    processing_reason: str | None
    moderation: dict[str, object] | None
    verified_at: datetime | None
    created_at: datetime
    created_by: UUID
    updated_at: datetime
    updated_by: UUID | None
    frames: tuple[Frame, ...]
    codec: str | None = None  # of a video, as FFmpeg calls it
    frame_rate: float | None = None  # of a video, frames per second
    inside_count: int | None = None  # of a folder: active images and videos at any depth; None for a file
    preview_keys: tuple[str, ...] = ()  # of a folder: thumbnails of the newest in it, four at most
    # of a version shown as itself: its item; None for an item, and for its first version
    source_media_id: UUID | None = None
    is_active: bool = True  # False for a version that its item does not show
    is_reprocessing: bool = False  # its frames are being made anew
    # why that came to nothing, and the frames are those it had; None: it did not
    reprocess_failure: str | None = None
    colors: tuple[str, ...] = ()  # "#rrggbb", the most common first
    exif: dict[str, object] | None = None  # what camera and lens said; None: nothing


@dataclass(frozen=True, slots=True)
class Description:
    """What people say of an item, whole: what is None or missing is not said of it."""

    title: str | None
    alt: str | None
    caption: str | None
    tags: dict[str, list[str]]  # group -> values
    metadata: dict[str, object]  # the rest, of the client's own making


@dataclass(frozen=True, slots=True)
class DescriptionChanges:
    """What is to be said of an item, beside what stays."""

    title: str | Unchanged | None = UNCHANGED
    alt: str | Unchanged | None = UNCHANGED
    caption: str | Unchanged | None = UNCHANGED


@dataclass(frozen=True, slots=True)
class Link:
    """What a permanent link leads to."""

    organization_id: UUID
    name: str
    filename: str | None
    mime_type: str | None
    processing: Processing
    key: str | None  # None: an external URL
    external_url: str | None
    frame_key: str | None  # None: not derived (yet)
    frame_mime_type: str | None
    thumbnail_key: str | None
