"""Directories of a TIFF file (TIFF 6.0, BigTIFF) and of EXIF, which is a TIFF file: the values of their tags,
no pixel.

A whole file and its first kilobytes are read in the same way. Nothing that a file contains makes these
functions raise, or read without end: of a directory at most `_MOST_ENTRIES` entries are read, of an entry as
many values as the caller asks for, of a file at most `_MOST_DIRECTORIES` directories.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vitrine.containers import Read

# The first four bytes of every TIFF file but BigTIFF.
SIGNATURES: Final = frozenset({b"II*\0", b"MM\0*"})

NEW_SUBFILE_TYPE, WIDTH, HEIGHT, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
MAKE, STRIP_OFFSETS, ORIENTATION, SAMPLES_PER_PIXEL, STRIP_BYTE_COUNTS, PLANAR = 271, 273, 274, 277, 279, 284
FILL_ORDER, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 266, 282, 283, 296
TILE_WIDTH, SUB_IFDS, INK_SET, NUMBER_OF_INKS, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 330, 332, 334, 338, 339
JPEG_OFFSET, JPEG_BYTES, YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, REFERENCE_BLACK_WHITE = (
    513,
    514,
    529,
    530,
    532,
)
XMP, CFA_PATTERN, GDAL_NODATA, DNG_VERSION, DEFAULT_CROP_SIZE = 700, 33422, 42113, 50706, 50720

SENSOR_COLOURS: Final = frozenset({32803, 34892})  # of PHOTOMETRIC: CFA (TIFF/EP), LinearRaw (DNG)

_MOST_ENTRIES: Final = 1000  # cameras write some sixty
_MOST_DIRECTORIES: Final = 24  # raw files have up to ten
_NUMBERS: Final[Mapping[int, str]] = {  # by type, as `struct` formats them
    1: "B",
    3: "H",
    4: "I",
    5: "II",
    6: "b",
    8: "h",
    9: "i",
    10: "ii",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
_POINTERS: Final = frozenset({4, 13, 16, 18})  # LONG, IFD, and BigTIFF's longer ones
_BYTES: Final = frozenset({1, 2, 6, 7, 129})  # types whose elements are single bytes; 129: UTF-8 (Exif 3.0)


@dataclass(frozen=True, slots=True)
class Entry:
    type: int
    count: int
    at: int  # offset of the value
    place: int  # offset of the entry itself


class Directory:
    """One directory: its entries by their tag, the first of each."""

    def __init__(
        self,
        read: Read,
        order: str,
        entries: Mapping[int, Entry],
        following: int,
        *,
        is_big: bool,
        is_whole: bool,
    ) -> None:
        self._read, self._order, self._entries, self._is_big = read, order, entries, is_big
        self.following = following  # offset of the next directory of the chain; 0: there is none
        # False: the file, or the part of it that is available, ends within the directory
        self.is_whole = is_whole

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def numbers(self, tag: int, most: int = 16, *, undefined: float = 0) -> tuple[float, ...]:
        """At most `most` values of the tag; none where it is missing, cut, or one of the values is not
        finite.

        `undefined`: the value of x/0. With NaN, such a fraction leaves the tag without values.
        """
        entry = self._entries.get(tag)
        if entry is None or entry.type not in _NUMBERS:
            return ()
        form = self._order + _NUMBERS[entry.type]
        size = struct.calcsize(form)
        count = min(entry.count, most)
        stored = self._read(entry.at, count * size)
        if len(stored) < count * size:
            return ()
        each = struct.iter_unpack(form, stored)
        values = tuple(
            value[0] if len(value) == 1 else value[0] / value[1] if value[1] else undefined for value in each
        )
        return values if all(map(math.isfinite, values)) else ()

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of the tag; `default` where there is none, or it is not within 64 bits."""
        values = self.numbers(tag, 1)
        return int(values[0]) if values and abs(values[0]) < 2**64 else default

    def text(self, tag: int, most: int = 64) -> bytes:
        """The value of a tag that is text or bytes, up to its first null, of at most `most` bytes; empty
        where missing.
        """
        entry = self._entries.get(tag)
        if entry is None or entry.type not in _BYTES:
            return b""
        return self._read(entry.at, min(entry.count, most)).partition(b"\0")[0]

    def span(self, tag: int) -> tuple[int, int] | None:
        """Offset and size of the value of a tag that is bytes."""
        entry = self._entries.get(tag)
        return (entry.at, entry.count) if entry is not None and entry.type in _BYTES else None

    def place(self, tag: int) -> int | None:
        """Offset of the tag's entry in the file; None: the directory has no such tag."""
        return self._entries[tag].place if tag in self._entries else None

    def count(self, tag: int) -> int:
        """The number of values that the tag claims to have; 0 where it is missing."""
        return self._entries[tag].count if tag in self._entries else 0

    def directory(self, tag: int) -> Directory | None:
        """The directory to which the tag points, such as EXIF's; None where it is missing or lies beyond the
        end.
        """
        entry = self._entries.get(tag)
        if entry is None or entry.type not in _POINTERS:
            return None
        stored = entry.place + (12 if self._is_big else 8)  # a pointer is one value, whatever count it claims
        form = self._order + _NUMBERS[entry.type]
        (at,) = struct.unpack(form, self._read(stored, struct.calcsize(form)))
        return _directory(self._read, self._order, self._is_big, at)


def first(read: Read) -> Directory | None:
    """The first directory of the file; None where it is no TIFF, or ends before that directory begins."""
    header = _header(read)
    return None if header is None else _directory(read, *header)


def walk(read: Read) -> Iterator[Directory]:
    """The first directory, those that it chains to, and the SubIFDs of each, the main ones first. Each comes
    once.
    """
    header = _header(read)
    if header is None:
        return
    order, is_big, at = header
    waiting, seen = [at], set[int]()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        at = waiting.pop(0)
        if at in seen or not 0 < at < 2**64:
            continue
        seen.add(at)
        directory = _directory(read, order, is_big, at)
        if directory is None:
            continue
        yield directory
        waiting += [directory.following, *map(int, directory.numbers(SUB_IFDS))]


def _header(read: Read) -> tuple[str, bool, int] | None:
    """The byte order as `struct` has it, whether the file is a BigTIFF, and the first directory's offset."""
    head = read(0, 16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return None
    (version,) = struct.unpack_from(order + "H", head, 2)
    if version == 42:
        return order, False, struct.unpack_from(order + "I", head, 4)[0]
    return (
        (order, True, struct.unpack_from(order + "Q", head, 8)[0])
        if version == 43 and len(head) == 16
        else None
    )


def _directory(read: Read, order: str, is_big: bool, at: int) -> Directory | None:
    counted, form = (8, "Q") if is_big else (2, "H")
    head = read(at, counted)
    if len(head) < counted:
        return None
    (claimed,) = struct.unpack(order + form, head)
    count = min(claimed, _MOST_ENTRIES)
    form, size, inline = ("HHQ8s", 20, 8) if is_big else ("HHI4s", 12, 4)
    pointer = order + ("Q" if is_big else "I")
    body = read(at + counted, count * size + inline)
    entries: dict[int, Entry] = {}
    for place in range(0, min(len(body) // size, count) * size, size):
        tag, kind, length, _ = struct.unpack_from(order + form, body, place)
        value = at + counted + place + size - inline
        long = length * (struct.calcsize(order + _NUMBERS[kind]) if kind in _NUMBERS else 1)
        if long > inline:
            (value,) = struct.unpack_from(pointer, body, place + size - inline)
        entries.setdefault(tag, Entry(kind, length, value, at + counted + place))
    has_next = len(body) == count * size + inline and count == claimed
    following = struct.unpack_from(pointer, body, count * size)[0] if has_next else 0
    return Directory(read, order, entries, following, is_big=is_big, is_whole=len(body) >= count * size)
