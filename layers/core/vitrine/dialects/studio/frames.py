"""Frames with their captions and detected objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired

from typing_extensions import TypedDict

from vitrine.dialects.formats import Link, Time, show_time

if TYPE_CHECKING:
    from vitrine import models
    from vitrine.delivery import Links


class Corner(TypedDict):
    x: float  # pixels of the frame
    y: float


class Detected(TypedDict):
    id: str
    type: str
    label: str
    blob: str  # URL of a crop, or ""
    status: str
    polygon: list[Corner]
    confidence: float  # 0 to 1


class Caption(TypedDict):
    id: str
    text: str
    frameId: str
    createdAt: Time
    status: str


class Frame(TypedDict):
    id: str
    timestamp: str  # seconds, "0" for stills
    endTimestamp: NotRequired[str]
    pageNumber: NotRequired[int]
    blob: Link
    thumbnailBlob: Link
    width: int
    height: int
    text: NotRequired[str]
    status: str
    createdAt: Time
    mediaId: str
    captions: list[Caption]
    objects: list[Detected]


def show_frame(frame: models.media.Frame, media: models.media.Media, links: Links) -> Frame:
    """Serialize a frame of the item. Frames, captions and objects have the status of their item."""
    shown: Frame = {
        "id": frame.id.hex,
        "timestamp": _seconds(frame.at_seconds),
        "blob": links.object(frame.key),
        "thumbnailBlob": links.object(frame.thumbnail_key),
        "width": frame.width,
        "height": frame.height,
        "status": media.status,
        "createdAt": show_time(frame.created_at),
        "mediaId": media.id.hex,
        "captions": [
            {
                "id": caption.id.hex,
                "text": caption.text,
                "frameId": frame.id.hex,
                "createdAt": show_time(caption.created_at),
                "status": media.status,
            }
            for caption in frame.captions
        ],
        "objects": [
            {
                "id": detection.id.hex,
                "type": detection.type,
                "label": detection.label,
                "blob": links.object(detection.crop_key) if detection.crop_key else "",
                "status": media.status,
                "polygon": [{"x": x, "y": y} for x, y in detection.polygon],
                "confidence": detection.score,
            }
            for detection in frame.detections
        ],
    }
    if frame.end_seconds is not None:
        shown["endTimestamp"] = _seconds(frame.end_seconds)
    if frame.page_number is not None:
        shown["pageNumber"] = frame.page_number
    if frame.text is not None:
        shown["text"] = frame.text
    return shown


def _seconds(seconds: float) -> str:
    """Write seconds with at most three decimals: `0`, `12.5`."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")
