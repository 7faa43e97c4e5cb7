"""Directories of a TIFF file (TIFF 6.0, BigTIFF): the values of their tags, and no pixel.

A reader of a whole file and a reader of its first kilobytes see the same. Nothing that a file can hold makes
these functions raise, or read
without end: of a directory at most `_MOST_ENTRIES` entries are read, of an entry as many values as the caller
asks for, of a file at most
`_MOST_DIRECTORIES` directories.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# from an offset so many bytes; fewer where the file, or what is known of it, ends
Read = Callable[[int, int], bytes]

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
_BYTES: Final = frozenset({1, 2, 6, 7})  # types whose elements are single bytes


@dataclass(frozen=True, slots=True)
class Entry:
    type: int
    count: int
    at: int  # where the value is
    place: int  # where the entry itself is


class Directory:
    """One directory: its entries by their tag, the first of each."""

    def __init__(
        self, read: Read, order: str, entries: Mapping[int, Entry], following: int, *, whole: bool
    ) -> None:
        self._read, self._order, self._entries = read, order, entries
        self.following = following  # where the next directory of the chain is; 0: there is none
        self.whole = whole  # False: the file, or what is known of it, ends before the directory does

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def numbers(self, tag: int, most: int = 16) -> tuple[float, ...]:
        """At most `most` values of the tag; none where it is missing, or one of them is no finite number.
        x/0 is 0.
        """
        entry = self._entries.get(tag)
        if entry is None or entry.type not in _NUMBERS:
            return ()
        form = self._order + _NUMBERS[entry.type]
        size = struct.calcsize(form)
        count = min(entry.count, most)
        there = self._read(entry.at, count * size)
        if len(there) < count * size:
            return ()
        each = struct.iter_unpack(form, there)
        values = tuple(
            value[0] if len(value) == 1 else value[0] / value[1] if value[1] else 0 for value in each
        )
        return values if all(map(math.isfinite, values)) else ()

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of the tag; `default` where there is none, or none that a file can count or
        point to.
        """
        found = self.numbers(tag, 1)
        return int(found[0]) if found and abs(found[0]) < 2**64 else default

    def text(self, tag: int, most: int = 64) -> bytes:
        """The beginning of the value of a tag that is text, or bytes; empty where there is none."""
        entry = self._entries.get(tag)
        return (
            b""
            if entry is None or entry.type not in _BYTES
            else self._read(entry.at, min(entry.count, most)).partition(b"\0")[0]
        )

    def span(self, tag: int) -> tuple[int, int] | None:
        """Where the value of a tag that is bytes lies, and how many there are."""
        entry = self._entries.get(tag)
        return (entry.at, entry.count) if entry is not None and entry.type in _BYTES else None

    def place(self, tag: int) -> int | None:
        """Where the entry of a tag is in the file; None: the directory has no such tag."""
        return self._entries[tag].place if tag in self._entries else None

    def count(self, tag: int) -> int:
        """How many values the tag says that it has."""
        return self._entries[tag].count if tag in self._entries else 0


def first(read: Read) -> Directory | None:
    """The first directory of the file; None where it is no TIFF, or ends before its first directory
    begins.
    """
    opened = _opened(read)
    return None if opened is None else _directory(read, *opened)


def walk(read: Read) -> Iterator[Directory]:
    """The first directory, those that it chains to, and the SubIFDs of each; each once, the main ones
    before those below them.
    """
    opened = _opened(read)
    if opened is None:
        return
    order, big, at = opened
    waiting, seen = [at], set[int]()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        at = waiting.pop(0)
        if at in seen or not 0 < at < 2**64:
            continue
        seen.add(at)
        directory = _directory(read, order, big, at)
        if directory is None:
            continue
        yield directory
        waiting += [directory.following, *map(int, directory.numbers(SUB_IFDS))]


def _opened(read: Read) -> tuple[str, bool, int] | None:
    """The byte order as `struct` has it, whether it is a BigTIFF, and where the first directory is."""
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


def _directory(read: Read, order: str, big: bool, at: int) -> Directory | None:
    counted, form = (8, "Q") if big else (2, "H")
    head = read(at, counted)
    if len(head) < counted:
        return None
    (claimed,) = struct.unpack(order + form, head)
    count = min(claimed, _MOST_ENTRIES)
    form, size, inline = ("HHQ8s", 20, 8) if big else ("HHI4s", 12, 4)
    body = read(at + counted, count * size + inline)
    entries: dict[int, Entry] = {}
    for place in range(0, min(len(body) // size, count) * size, size):
        tag, kind, length, _ = struct.unpack_from(order + form, body, place)
        value = at + counted + place + size - inline
        long = length * (struct.calcsize(order + _NUMBERS[kind]) if kind in _NUMBERS else 1)
        if long > inline:
            (value,) = struct.unpack_from(order + ("Q" if big else "I"), body, place + size - inline)
        entries.setdefault(tag, Entry(kind, length, value, at + counted + place))
    whole = len(body) == count * size + inline
    following = (
        struct.unpack_from(order + ("Q" if big else "I"), body, count * size)[0]
        if whole and count == claimed
        else 0
    )
    return Directory(read, order, entries, following, whole=whole or len(body) >= count * size)
