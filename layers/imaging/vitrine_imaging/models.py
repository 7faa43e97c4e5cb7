"""The nouns of imaging: what is asked of a picture, what is made of it, and how it is refused."""

from dataclasses import dataclass
from typing import Final

FRAME_EDGE: Final = 2400  # pixels
THUMBNAIL_EDGE: Final = 400
OUT_OF_MEMORY: Final = "Decoding needed more memory than allowed"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost."""

    max_pixels: int = 120_000_000  # width x height, by the header, before anything is decoded
    wall_seconds: int = 60  # also the limit on processor time
    memory_bytes: int = 1 << 30  # address space of the whole child; measured: a 100-megapixel JPEG passes with 384 MiB


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture: upright, sRGB, without metadata."""

    data: bytes
    mime_type: str
    width: int  # pixels
    height: int


@dataclass(frozen=True, slots=True)
class Derived:
    """All that is made of one original."""

    width: int  # pixels of the original as shown, that is, upright
    height: int
    frame: Picture  # long edge at most FRAME_EDGE; JPEG, or WebP where the picture is transparent somewhere
    thumbnail: Picture  # long edge at most THUMBNAIL_EDGE; WebP
    placeholder: bytes  # ThumbHash, 5 to 40 bytes


class Undecodable(Exception):
    """The file cannot be made into pictures; trying again changes nothing. `reason` is for the person who sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DecoderUnavailable(RuntimeError):
    """The child process does not start here (a library is missing, no memory for it): nothing is said about the file."""
