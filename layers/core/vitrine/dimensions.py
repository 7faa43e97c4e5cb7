"""Width, height and orientation of a picture, by its first kilobytes. No decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vitrine import containers, heif, tiff
from vitrine.containers import Span, Truncated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Pixels of width and height as stored, 0 where they are unknown, and EXIF's orientation (1 to 8).
Measured = tuple[int, int, int]
UNKNOWN: Final[Measured] = (0, 0, 1)


def measure(head: bytes, mime_type: str) -> Measured:
    """Width, height and orientation that a file of this type with these first bytes states.

    `UNKNOWN` where the type is not a picture that is read here, or the bytes end too early. Never raises.
    """
    measure_type = _MEASURES.get(mime_type)
    if measure_type is None:
        return UNKNOWN
    try:
        return measure_type(containers.bytes_span(head))
    except Truncated:
        return UNKNOWN


def _measure_jpeg(jpeg: Span) -> Measured:
    orientation = 1
    introduction = len(containers.EXIF_INTRODUCTION)
    for marker, segment in containers.jpeg_segments(jpeg):
        if marker in containers.FRAME_MARKERS:  # ITU-T T.81, B.2.2
            return segment.number(3, 2), segment.number(1, 2), orientation
        is_exif = segment.available(0, introduction) == containers.EXIF_INTRODUCTION
        if marker == containers.APP1 and orientation == 1 and is_exif:
            orientation = _orientation_in(segment.part(introduction))
    return UNKNOWN


def _measure_png(png: Span) -> Measured:
    if png.read(12, 4) != b"IHDR":
        return UNKNOWN
    width, height = png.number(16, 4), png.number(20, 4)
    for name, chunk in containers.png_chunks(png):
        if name == b"eXIf":
            return width, height, _orientation_in(chunk)
    return width, height, 1


def _measure_gif(gif: Span) -> Measured:
    return gif.number(6, 2, "little"), gif.number(8, 2, "little"), 1


def _measure_webp(webp: Span) -> Measured:
    """RFC 9649, 2.4 to 2.7."""
    width, height, orientation = UNKNOWN
    for name, chunk in containers.riff_chunks(webp):
        if name == b"VP8X":  # the canvas; it goes before the pictures on it
            width, height = chunk.number(4, 3, "little") + 1, chunk.number(7, 3, "little") + 1
        elif name == b"VP8 " and not width:
            if chunk.read(3, 3) != b"\x9d\x01\x2a":
                return UNKNOWN
            width, height = chunk.number(6, 2, "little") & 0x3FFF, chunk.number(8, 2, "little") & 0x3FFF
        elif name == b"VP8L" and not width:
            bits = chunk.number(1, 4, "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif name == b"EXIF":
            orientation = _orientation_in(containers.without_introduction(chunk))
    return width, height, orientation


def _measure_tiff(whole: Span) -> Measured:
    directory = tiff.first(whole.available)
    if directory is None:
        return UNKNOWN
    width, height = (max(0, directory.number(tag)) for tag in (tiff.WIDTH, tiff.HEIGHT))
    return width, height, _orientation_of(directory)


def _measure_bmp(bmp: Span) -> Measured:
    if bmp.number(14, 4, "little") == 12:
        return bmp.number(18, 2, "little"), bmp.number(20, 2, "little"), 1
    width, height = bmp.number(18, 4, "little"), bmp.number(22, 4, "little")
    return width, min(height, 2**32 - height), 1  # a negative height means rows from the top


# EXIF's orientation by what it does to (x, y), y downwards: rows of the matrix.
_TURNS: Final[Mapping[tuple[int, int, int, int], int]] = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, -1, 1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, 1, -1, 0): 8,
}


def _measure_heif(file: Span) -> Measured:
    """ISO 23008-12: the primary item's `ispe`, turned by its `irot` and `imir` in the order of their
    association.
    """
    width, height, turn = 0, 0, (1, 0, 0, 1)
    for name, box in heif.properties(file):
        if name == b"ispe":
            width, height = box.number(4, 4), box.number(8, 4)
        elif name == b"irot":
            for _ in range(box.number(0, 1) & 3):  # quarters against the clock
                turn = (turn[2], turn[3], -turn[0], -turn[1])
        elif name == b"imir":
            # 0: top and bottom change places; 1: left and right (as libavif and libheif read it)
            across = box.number(0, 1) & 1
            turn = (
                (-turn[0], -turn[1], turn[2], turn[3]) if across else (turn[0], turn[1], -turn[2], -turn[3])
            )
    return width, height, _TURNS[turn]


def _orientation_in(exif: Span) -> int:
    directory = tiff.first(exif.available)
    return 1 if directory is None else _orientation_of(directory)


def _orientation_of(directory: tiff.Directory) -> int:
    orientation = directory.number(tiff.ORIENTATION)
    return orientation if 1 <= orientation <= 8 else 1


_MEASURES: Final[Mapping[str, Callable[[Span], Measured]]] = {
    "image/jpeg": _measure_jpeg,
    "image/png": _measure_png,
    "image/gif": _measure_gif,
    "image/webp": _measure_webp,
    "image/avif": _measure_heif,
    "image/heic": _measure_heif,
    "image/heif": _measure_heif,
    "image/tiff": _measure_tiff,
    "image/bmp": _measure_bmp,
}
