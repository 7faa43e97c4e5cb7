"""BMP: which of its kinds Pillow reads, and the opacity that Pillow does not look for.

The fourth byte of an uncompressed 32-bit pixel is opacity wherever one pixel has another value than zero in it, whatever the version of the
header, as image viewers and browsers take it; where all are zero the picture is opaque.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyvips

from vitrine_imaging.models import DAMAGED, Undecodable, not_supported

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO

_RGB, _RLE8, _RLE4, _BITFIELDS, _ALPHA_BITFIELDS = 0, 1, 2, 3, 6  # Compression
_COMPRESSIONS: Final[Mapping[int, frozenset[int]]] = {  # the bits per pixel that Pillow reads, for each
    _RGB: frozenset({1, 4, 8, 16, 24, 32}), _RLE8: frozenset({8}), _RLE4: frozenset({4}), _BITFIELDS: frozenset({16, 24, 32}),
    _ALPHA_BITFIELDS: frozenset({32}),
}  # fmt: skip
_NAMES: Final[Mapping[int, str]] = {4: "JPEG", 5: "PNG", 11: "CMYK", 12: "CMYK", 13: "CMYK"}
_CORE, _OS2 = (12, 16, 64), 64  # sizes of OS/2's headers, and of the one whose compressions 3 and 4 are others
_BGRA: Final = (0xFF0000, 0xFF00, 0xFF)  # masks of red, green and blue
_RGBA: Final = (0xFF, 0xFF00, 0xFF0000)
_ALPHA_MASK: Final = 0xFF000000


@dataclass(frozen=True, slots=True)
class Transparent:
    """A BMP with four bytes for each pixel, whose last one is opacity."""

    file: FileIO
    size: tuple[int, int]  # pixels
    at: int  # where the pixels are
    from_the_top: bool
    blue_first: bool

    def picture(self) -> pyvips.Image:
        """The picture with its opacity; without it, if none of it could be seen."""
        whole = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        width, height = self.size
        stored = memoryview(whole)[self.at : self.at + 4 * width * height]
        picture = pyvips.Image.new_from_memory(stored, width, height, 4, "uchar")
        picture = picture if self.from_the_top else picture.flip("vertical")
        opacity = picture[3]
        colours = picture[2].bandjoin([picture[1], picture[0]]) if self.blue_first else picture.extract_band(0, n=3)
        most: Any = opacity.max()  # its types say more than it returns
        return (colours.bandjoin(opacity) if most > 0 else colours).copy(interpretation="srgb")


def with_opacity(file: FileIO) -> Transparent | None:
    """The BMP, if the fourth byte of its pixels may be opacity; None where Pillow reads it right.

    Raises Undecodable for a kind that Pillow does not read, and for one that ends too early.
    """
    file.seek(0)
    head = file.read(14 + 124)
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    header = _number(head, 14, 4)
    if header == _CORE[0]:
        return None
    bits, compression = _number(head, 28, 2), _number(head, 30, 4)
    if bits not in _COMPRESSIONS.get(compression, frozenset()) or (header == _OS2 and compression == _BITFIELDS):
        how = _NAMES.get(compression, f"compression {compression}") if header != _OS2 or compression < _BITFIELDS else "OS/2's compressions"
        raise Undecodable(not_supported(f"BMP with {how} and {bits} bits per pixel"))
    red_green_blue = _masks(head, header, compression)
    if bits != 32 or red_green_blue is None:
        return None
    width, height = _number(head, 18, 4), _number(head, 22, 4)
    from_the_top = height >= 1 << 31  # negative
    size = width, (1 << 32) - height if from_the_top else height
    at = _number(head, 10, 4)
    if not size[0] or not size[1] or at + 4 * size[0] * size[1] > end:
        raise Undecodable(DAMAGED)
    return Transparent(file, size, at, from_the_top, blue_first=red_green_blue == _BGRA)


def _masks(head: bytes, header: int, compression: int) -> tuple[int, int, int] | None:
    """The masks of red, green and blue, where the fourth byte may be opacity; None where it is not, or where the masks are unusual."""
    if compression == _RGB:
        return _BGRA
    red, green, blue, opacity = (_number(head, 54 + 4 * n, 4) for n in range(4))
    has_opacity = (header >= 56 or compression == _ALPHA_BITFIELDS) and opacity == _ALPHA_MASK
    masks = red, green, blue
    return masks if has_opacity and masks in (_BGRA, _RGBA) else None


def _number(head: bytes, at: int, size: int) -> int:
    piece = head[at : at + size]
    if len(piece) < size:
        raise Undecodable(DAMAGED)
    return int.from_bytes(piece, "little")
