"""The nouns of imaging: what is asked of a picture, what is made of it, and how it is refused."""

from dataclasses import dataclass
from typing import Final

from vitrine.errors import Unavailable

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


class DecoderUnavailable(Unavailable, RuntimeError):
    """The child process does not start here (a library is missing, no memory for it): nothing is said
    about the file.
    """
