"""BMP files with masks, of which Pillow reads some, and with opacity, which Pillow ignores. Other kinds are
left to Pillow.

The fourth byte of an uncompressed 32-bit pixel is opacity if at least one pixel has another value than zero
in it, whatever the version of the header; image viewers and browsers do the same. If it is zero in all
pixels, the picture is opaque.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyvips

from vitrine.models.derived import Undecodable
from vitrine_imaging.models import DAMAGED, not_supported

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO

_RGB, _RLE8, _RLE4, _BITFIELDS, _ALPHA_BITFIELDS = 0, 1, 2, 3, 6  # Compression
_COMPRESSIONS: Final[Mapping[int, frozenset[int]]] = {  # the bits per pixel that are read, for each
    _RGB: frozenset({1, 4, 8, 16, 24, 32}),
    _RLE8: frozenset({8}),
    _RLE4: frozenset({4}),
    _BITFIELDS: frozenset({16, 24, 32}),
    _ALPHA_BITFIELDS: frozenset({16, 32}),
}
_NAMES: Final[Mapping[int, str]] = {4: "JPEG", 5: "PNG", 11: "CMYK", 12: "CMYK", 13: "CMYK"}
# sizes of OS/2's headers, and of the one whose compressions 3 and 4 are others
_CORE, _OS2 = (12, 16, 64), 64
_WITH_OPACITY: Final = 56  # size of the first header with a mask for opacity
# masks of red, green, blue and opacity, where the file has none
_BGRA: Final = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
_FIVE_BITS: Final = (0x7C00, 0x3E0, 0x1F, 0)
_MOST_COLOURS: Final = 256


@dataclass(frozen=True, slots=True)
class MaskedBitmap:
    """A BMP whose pixels are numbers of 16 or 32 bits, with masks for red, green, blue and opacity."""

    file: FileIO
    size: tuple[int, int]  # pixels
    at: int  # offset of the pixels
    from_the_top: bool
    bits: int  # of a pixel
    masks: tuple[int, ...]  # of red, green, blue and opacity; 0: there is none

    def picture(self) -> pyvips.Image:
        """The picture with its opacity; without it, if it would hide all of the picture."""
        whole = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        width, height = self.size
        row = _row(width, self.bits)
        stored = memoryview(whole)[self.at : self.at + row * height]
        if self.bits == 32:
            pixels = pyvips.Image.new_from_memory(stored, width, height, 4, "uchar")
        else:
            pixels = pyvips.Image.new_from_memory(stored, row // 2, height, 1, "ushort").crop(
                0, 0, width, height
            )
        pixels = pixels if self.from_the_top else pixels.flip("vertical")
        red, green, blue, opacity = (_channel(pixels, mask) if mask else None for mask in self.masks)
        black = pixels[0].cast("uchar") * 0
        colours = (black if red is None else red).bandjoin(
            [black if each is None else each for each in (green, blue)]
        )
        most: Any = 0 if opacity is None else opacity.max()  # its declared type is wider than what it returns
        return (
            (colours if opacity is None or most == 0 else colours.bandjoin(opacity))
            .cast("uchar")
            .copy(interpretation="srgb")
        )


def _channel(pixels: pyvips.Image, mask: int) -> pyvips.Image:
    """The channel in the bits of the mask, from 0 to 255."""
    low, bits = _place(mask)
    if pixels.bands > 1:
        if bits == 8 and low % 8 == 0:
            return pixels[low // 8]
        pixels = pixels.copy(bands=1, format="uint")
    deep = max(0, bits - 16)  # more bits than the multiplication in `linear` distinguishes
    most = (1 << bits - deep) - 1
    return ((pixels >> low + deep) & most).linear([255 / most], [0.5])


def _place(mask: int) -> tuple[int, int]:
    """The lowest bit of the mask, and how many bits there are from it to the highest."""
    low = (mask & -mask).bit_length() - 1
    return low, mask.bit_length() - low


def _row(width: int, bits: int) -> int:
    return -(-width * bits // 32) * 4  # bytes


def open_masked(file: FileIO) -> MaskedBitmap | None:
    """The BMP, if its pixels have a mask for each channel or a fourth byte that may be opacity; None: Pillow
    reads it right.

    Raises Undecodable for a kind that neither Pillow nor this module reads, and for a file that ends too
    early.
    """
    file.seek(0)
    head = file.read(14 + 124)
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    header = _number(head, 14, 4)
    if header == _CORE[0]:
        return None
    bits, compression = _number(head, 28, 2), _number(head, 30, 4)
    if bits not in _COMPRESSIONS.get(compression, frozenset()) or (
        header == _OS2 and compression == _BITFIELDS
    ):
        how = (
            _NAMES.get(compression, f"compression {compression}")
            if header != _OS2 or compression < _BITFIELDS
            else "OS/2's compressions"
        )
        raise Undecodable(not_supported(f"BMP with {how} and {bits} bits per pixel"))
    if bits <= 8 and _number(head, 46, 4) > _MOST_COLOURS:
        raise Undecodable(not_supported("BMP with a palette of more than 256 colours"))
    if bits not in (16, 32):
        return None
    masks = _masks(head, header, bits, compression)
    if any(mask and mask >> _place(mask)[0] != (1 << _place(mask)[1]) - 1 for mask in masks):
        raise Undecodable(not_supported("BMP with channels whose bits do not follow one another"))
    width, height = _number(head, 18, 4), _number(head, 22, 4)
    from_the_top = height >= 1 << 31  # negative
    size = width, (1 << 32) - height if from_the_top else height
    at = _number(head, 10, 4)
    if not size[0] or not size[1] or not any(masks[:3]) or at + _row(size[0], bits) * size[1] > end:
        raise Undecodable(DAMAGED)
    return MaskedBitmap(file, size, at, from_the_top, bits, masks)


def _masks(head: bytes, header: int, bits: int, compression: int) -> tuple[int, ...]:
    """The masks of red, green, blue and opacity."""
    if compression == _RGB:
        return _BGRA if bits == 32 else _FIVE_BITS
    masks = tuple(_number(head, 54 + 4 * n, 4) & (1 << bits) - 1 for n in range(4))
    return masks if header >= _WITH_OPACITY or compression == _ALPHA_BITFIELDS else (*masks[:3], 0)


def _number(head: bytes, at: int, size: int) -> int:
    piece = head[at : at + size]
    if len(piece) < size:
        raise Undecodable(DAMAGED)
    return int.from_bytes(piece, "little")
