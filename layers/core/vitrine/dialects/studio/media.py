"""One item: a file, a folder as an item, or a version."""

from __future__ import annotations

import base64
import re
from datetime import UTC, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal, NotRequired

from typing_extensions import TypedDict

from vitrine.delivery import Linked, Links
from vitrine.dialects.dialect import Answer
from vitrine.dialects.formats import Link, Processing, Time, show_time
from vitrine.dialects.studio.etags import if_match, strong_etag
from vitrine.dialects.studio.frames import Frame, show_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vitrine import models


class Dataset(TypedDict):
    id: str
    name: str
    organizationId: str


class Media(TypedDict):
    id: str
    name: str
    type: Literal["image", "video", "pdf", "folder"]
    blob: str | None  # permanent link; null while pending; "folder" for a folder
    path: str
    datasetId: str
    width: int | None
    height: int | None
    duration: float | None
    sizeBytes: int
    createdAt: Time
    updatedAt: Time
    createdById: str
    updatedById: str | None
    status: Literal["active", "deleted"]
    sourceMediaId: str | None
    versionNumber: int
    isActive: bool
    filename: str | None
    mimeType: str | None
    takenAt: str | None  # with its zone where that is known
    placeholder: str | None  # ThumbHash, base64
    # "#rrggbb", the most common first, six at most; [] for a folder, and before processing
    colors: list[str]
    sha256: str | None  # hexadecimal
    processing: Processing | None  # null for a folder
    metadata: dict[str, Any]
    frames: list[Frame]
    dataset: Dataset
    folderItemCount: NotRequired[int]  # of a folder: active images and videos at any depth
    # of a folder: thumbnails of the newest in it, four at most, newest first
    folderPreviews: NotRequired[list[Link]]


class OneMedia(TypedDict):
    media: Media


class Moved(TypedDict):
    id: str
    newPath: str
    success: Literal[True]


def show_media(media: models.media.Media, links: Links) -> Media:
    """Serialize a file or folder.

    The URLs of frames expire after an hour; `blob` works until the item is deleted.
    """
    version = media.version
    verified = version.verified_at is not None
    blob = "folder" if media.type == "folder" else links.permanent(media) if verified else None
    shown: Media = {
        "id": media.id.hex,
        "name": media.name,
        "type": media.type,
        "blob": blob,
        "path": str(media.path),
        "datasetId": media.collection_id.hex,
        "width": version.width,
        "height": version.height,
        "duration": version.duration,
        "sizeBytes": version.size_bytes,
        "createdAt": show_time(media.created_at),
        "updatedAt": show_time(media.updated_at),
        "createdById": media.created_by.hex,
        "updatedById": media.updated_by.hex if media.updated_by else None,
        "status": media.status,
        "sourceMediaId": media.source_media_id.hex if media.source_media_id else None,
        "versionNumber": version.number,
        "isActive": version.is_active,
        "filename": version.filename,
        "mimeType": version.mime_type,
        "takenAt": _taken_at(version),
        "placeholder": None
        if version.placeholder is None
        else base64.b64encode(version.placeholder).decode(),
        "colors": list(version.colors),
        "sha256": None if version.sha256 is None else version.sha256.hex(),
        "processing": show_processing(version),
        "metadata": _metadata(media),
        "frames": [show_frame(frame, media, links) for frame in version.frames] if verified else [],
        "dataset": {
            "id": media.collection_id.hex,
            "name": media.collection_name,
            "organizationId": media.organization_id.hex,
        },
    }
    if media.folder is not None:
        shown["folderItemCount"] = media.folder.items
        shown["folderPreviews"] = [links.object(key) for key in media.folder.thumbnails]
    return shown


def show_one_media(media: models.media.Media, links: Links) -> Answer:
    """Serialize an item as OneMedia, with its ETag."""
    return Answer({"media": show_media(media, links)}, headers={"etag": media_etag(media)})


def show_moved(media: models.media.Media) -> Answer:
    """Serialize a moved item as Moved, with its new ETag."""
    moved: Moved = {"id": media.id.hex, "newPath": str(media.path), "success": True}
    return Answer(moved, headers={"etag": media_etag(media)})


def show_processing(version: models.media.ShownVersion) -> Processing | None:
    """Serialize the state of a version's processing. None for a folder."""
    if version.processing is None:
        return None
    shown: Processing = {"state": version.processing, "reason": version.processing_reason}
    if version.is_reprocessing:
        shown["reprocessing"] = True
    if version.reprocess_failure is not None:
        shown["reprocessFailure"] = version.reprocess_failure
    return shown


def _metadata(media: models.media.Media) -> dict[str, Any]:
    """Merge the client's own metadata with what the documents show in it.

    Our values win where both have a name.
    """
    version = media.version
    texts = (("title", media.title), ("alt", media.alt), ("caption", media.caption))
    described: dict[str, Any] = {name: text for name, text in texts if text is not None}
    if version.codec is not None:
        described["video"] = {"codec": version.codec, "frameRate": version.frame_rate}
    moderation = version.moderation or {"status": "unchecked", "categories": [], "moderatedAt": None}
    exif = {} if version.exif is None else {"exif": version.exif}
    return {**media.metadata, **described, "tags": media.tags, "moderation": moderation, **exif}


def _taken_at(version: models.media.ShownVersion) -> str | None:
    """Write the time of the camera's clock, with its zone.

    Where the zone is unknown none is written; the stored time is then the camera's clock read as UTC.
    """
    if version.taken_at is None:
        return None
    zone = re.fullmatch(r"([+-])(\d\d):?(\d\d)", version.taken_zone or "")
    if zone is None:
        clock = version.taken_at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        return f"{clock}Z" if version.taken_zone in ("Z", "UTC") else clock
    offset = timedelta(hours=int(zone[2]), minutes=int(zone[3])) * (-1 if zone[1] == "-" else 1)
    return version.taken_at.astimezone(timezone(offset)).isoformat(timespec="milliseconds")


# Not in the ETag: these change without a change of the item, when an ancestor or the content of a folder
# changes.
NOT_IN_ETAG = ("path", "dataset", "folderItemCount", "folderPreviews")


def media_etag(media: models.media.Media) -> str:
    """Return the item's strong ETag. It changes with the item's own state as it is shown.

    URLs, the places and names of its ancestors, and what is inside a folder do not change it.
    """
    shown = show_media(media, _UnsignedLinks(""))
    state = {name: value for name, value in shown.items() if name not in NOT_IN_ETAG}
    return strong_etag([media.row_version, media.version.id, state])


def media_if_match(headers: Mapping[str, str]) -> Callable[[models.media.Media], None] | None:
    """Return the check of an item that a request asks for with If-Match; it raises PreconditionFailed.

    None: no such header.
    """
    return if_match(headers, media_etag)


class _UnsignedLinks(Links):
    """Links whose URLs are keys: equal as long as they lead to the same object."""

    def permanent(self, media: Linked) -> str:
        return media.link_token

    def object(self, key: str) -> str:
        return key
