"""What is made of an original: its frames, their thumbnails, and the facts that were read from the file.

The imaging and video layers make these values; `library/processing.py` records them. Sizes are bytes,
durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
    from datetime import datetime
else:
    from vitrine.records import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture: upright, sRGB, without metadata."""

    data: bytes
    mime_type: str
    width: int  # pixels
    height: int


@dataclass(frozen=True, slots=True)
class DerivedFrame:
    """What an original looks like: a still whole, a video at one moment."""

    picture: (
        Picture  # JPEG, or WebP where the picture is transparent somewhere; vitrine_imaging sets the size
    )
    thumbnail: Picture  # WebP
    at_seconds: float = 0.0  # from the beginning; 0 for stills
    end_seconds: float | None = None  # the end of the part of the video that it stands for; None for stills


@dataclass(frozen=True, slots=True)
class Derived:
    """All that is made of one original, and the facts that were read from it."""

    width: int  # pixels of the original as shown, that is, upright
    height: int
    frames: tuple[DerivedFrame, ...]  # ordered by time; one for a still
    placeholder: bytes  # ThumbHash, 5 to 40 bytes
    perceptual_hash: int | None = None  # 64 bits; similar pictures differ in few of them
    colors: tuple[str, ...] = ()  # "#rrggbb", the most common first
    exif: Mapping[str, Any] | None = None  # JSON; what camera and lens recorded
    taken_at: datetime | None = None  # with a zone, UTC where none is known
    taken_zone: str | None = None  # "+02:00" where the file has it; "Z": UTC
    duration: float | None = None  # seconds; None for stills
    codec: str | None = None  # FFmpeg's name: h264, hevc, vp9; None for stills
    frame_rate: float | None = None  # frames per second; None for stills


class Undecodable(Exception):
    """The file cannot be decoded, and another try changes nothing. `reason` is written for its uploader."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
