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
    crop_key: str | None  # of a picture of the object in the store; None when there is none


@dataclass(frozen=True, slots=True)
class Frame:
    """A still picture of a version: the picture itself, a moment of a video, or a page."""

    id: UUID
    at_seconds: float  # from the start of a video; 0 for stills
    end_seconds: float | None  # of a video, where the next frame begins or the video ends; None for stills
    page_number: int | None  # of a document, from 1; None for other types
    key: str  # of the picture in the store
    width: int  # pixels
    height: int  # pixels
    thumbnail_key: str  # of the thumbnail in the store
    text: str | None  # of a page; None for other types
    created_at: datetime
    captions: tuple[Caption, ...]
    detections: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """The version whose content a Media shows, with the state of its processing.

    A folder has no versions. Its ShownVersion has the values that the comments name, and `verified_at` is the
    time of its creation.
    """

    id: UUID | None  # None for a folder
    number: int  # of the item's versions, from 1; 1 for a folder
    filename: str | None  # of the uploaded file; None for a folder
    mime_type: str | None  # None for a folder
    size_bytes: int  # of an external URL, the declared size; 0 for a folder
    width: int | None  # pixels, as displayed; None for a folder, and while unknown
    height: int | None  # pixels, as displayed; None for a folder, and while unknown
    duration: float | None  # seconds; None for stills and folders, and while unknown
    sha256: bytes | None  # 32 bytes; None for a folder, and while unknown
    placeholder: bytes | None  # ThumbHash; None for a folder, and before processing
    taken_at: datetime | None  # when the zone is unknown, the camera's local time as UTC; None when unknown
    taken_zone: str | None  # "+02:00"; "Z" for UTC; None when unknown
    processing: Processing | None  # None for a folder
    processing_reason: str | None  # why processing failed; None unless it did
    moderation: dict[str, object] | None  # status, categories, moderatedAt; None when not moderated
    verified_at: datetime | None  # when the bytes were first checked against their type; None before
    frames: tuple[Frame, ...]  # in the order of the file; () for a folder, and before processing
    codec: str | None = None  # of a video, FFmpeg's name; None for other types, and while unknown
    frame_rate: float | None = None  # of a video, frames per second; None for other types, and while unknown
    colors: tuple[str, ...] = ()  # "#rrggbb", the most common first; () for a folder, and before processing
    exif: dict[str, object] | None = None  # camera and lens metadata; None when the file has none
    is_active: bool = True  # False only for a version read as itself that its item does not show
    is_reprocessing: bool = False  # new frames are being derived
    reprocess_failure: str | None = None  # why the last reprocessing failed and left the frames as they were


@dataclass(frozen=True, slots=True)
class FolderCounts:
    """What the listings show of a folder's content."""

    items: int  # active, verified images and videos at any depth
    thumbnails: tuple[str, ...]  # keys of thumbnails of the newest files, newest first, four at most


@dataclass(frozen=True, slots=True)
class Media:
    """An item, which is a file or a folder; or a version of an item read as itself.

    A version read as itself has its own id, type, status, link token and times. Its name, description, tags
    and place are its item's.
    """

    id: UUID
    organization_id: UUID
    collection_id: UUID
    collection_name: str
    path: FolderPath  # ends in the item's own id, also for a file
    type: MediaType
    status: Status
    row_version: int  # from 1; counts the changes that people make to the item, for its ETag
    name: str  # 1 to 255 code points
    title: str | None  # 255 code points at most; None when not set
    alt: str | None  # 500 code points at most; None when not set
    caption: str | None  # 1,000 code points at most; None when not set
    metadata: dict[str, object]  # the client's own keys, without tags
    tags: dict[str, list[str]]  # group -> values
    link_token: str  # the secret part of the permanent link
    created_at: datetime
    created_by: UUID
    updated_at: datetime
    updated_by: UUID | None  # None when no person changed the item, and for a version read as itself
    version: ShownVersion
    folder: FolderCounts | None = None  # None for a file, and for a folder that was read without its counts
    source_media_id: UUID | None = None  # the item, when a version with another id is read as itself

    @property
    def is_verified_file(self) -> bool:
        """Whether the item is a file whose bytes were checked against its type: one that v1 shows."""
        return self.type != "folder" and self.version.verified_at is not None


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
