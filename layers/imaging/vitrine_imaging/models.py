"""Limits on decoding, the sizes of frames and thumbnails, and the errors of decoding."""

from dataclasses import dataclass
from typing import Final

from vitrine.errors import DependencyUnavailable

FRAME_EDGE: Final = 2400  # pixels of the longer edge, at most
THUMBNAIL_EDGE: Final = 400  # pixels of the longer edge, at most
# A time that a file states is ignored when its year is before FIRST_YEAR or after LAST_YEAR.
FIRST_YEAR: Final = 1800
LAST_YEAR: Final = 2199
OUT_OF_MEMORY: Final = "Decoding needed more memory than allowed"
DAMAGED: Final = "The file is damaged or cut short"


def not_supported(what: str) -> str:
    """The reason for a file that is whole, and that the packaged decoders cannot decode because of `what`."""
    return f"not supported: {what}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The cost that decoding one file may have, and whether its position is kept."""

    max_pixels: int = 120_000_000  # width x height, by the header, before anything is decoded
    max_animation_pixels: int = 2_000_000_000  # of all pictures of an animation together
    wall_seconds: int = 60  # also the limit on processor time
    # address space of the whole child; measured: a 100-megapixel JPEG passes with 384 MiB
    memory_bytes: int = 1 << 30
    keep_gps: bool = False  # whether the position in the EXIF is kept


class DecoderUnavailable(DependencyUnavailable, RuntimeError):
    """The child process does not start here (a library is missing, or memory). The file may be fine."""
