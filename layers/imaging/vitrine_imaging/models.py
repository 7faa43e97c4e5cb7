"""The nouns of imaging: what is asked of a picture, what is made of it, and how it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vitrine.errors import DependencyUnavailable

FRAME_EDGE: Final = 2400  # pixels
THUMBNAIL_EDGE: Final = 400
FIRST_YEAR: Final = 1800  # in which a picture can have been taken; what a clock says beyond is nothing
LAST_YEAR: Final = 2199
OUT_OF_MEMORY: Final = "Decoding needed more memory than allowed"
DAMAGED: Final = "The file is damaged or cut short"


def not_supported(what: str) -> str:
    """The reason for a file that is whole, and that the packaged decoders cannot decode because of `what`."""
    return f"not supported: {what}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost, and what may be kept of it."""

    max_pixels: int = 120_000_000  # width x height, by the header, before anything is decoded
    max_animation_pixels: int = 2_000_000_000  # those of all its pictures together, where it moves
    wall_seconds: int = 60  # also the limit on processor time
    # address space of the whole child; measured: a 100-megapixel JPEG passes with 384 MiB
    memory_bytes: int = 1 << 30
    keep_gps: bool = False  # where it was taken, by its EXIF


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture: upright, sRGB, without metadata."""

    data: bytes
    mime_type: str
    width: int  # pixels
    height: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What an original looks like: a still whole, a video at one moment."""

    picture: Picture  # long edge at most FRAME_EDGE; JPEG, or WebP where the picture is transparent somewhere
    thumbnail: Picture  # long edge at most THUMBNAIL_EDGE; WebP
    at_seconds: float = 0.0  # from the beginning; 0 for stills
    end_seconds: float | None = None  # until where it stands for the video; None for stills


@dataclass(frozen=True, slots=True)
class Derived:
    """All that is made of one original, and what was found out about it."""

    width: int  # pixels of the original as shown, that is, upright
    height: int
    frames: tuple[Frame, ...]  # by time; one of a still
    placeholder: bytes  # ThumbHash, 5 to 40 bytes
    perceptual_hash: int | None = None  # 64 bits; alike pictures differ in few of them
    colors: tuple[str, ...] = ()  # "#rrggbb", the most common first
    exif: Mapping[str, Any] | None = None  # JSON; what camera and lens said
    taken_at: datetime | None = None  # with a zone, UTC where none is known
    taken_zone: str | None = None  # "+02:00" where the file tells; "Z": UTC
    duration: float | None = None  # seconds, of a video
    codec: str | None = None  # of a video, as FFmpeg calls it: h264, hevc, vp9
    frame_rate: float | None = None  # frames per second, of a video


class Undecodable(Exception):
    """The file cannot be made into pictures; trying again changes nothing. `reason` is for the person who
    sent it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DecoderUnavailable(DependencyUnavailable, RuntimeError):
    """The child process does not start here (a library is missing, no memory for it): nothing is said
    about the file.
    """
