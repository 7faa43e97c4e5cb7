"""The directory of items of a HEIF or AVIF file: items, their types and places, and the primary item's
properties.

Sources: ISO 14496-12 (`meta`, `iinf`, `iloc`, `pitm`) and ISO 23008-12 (`iprp`). No pixel is decoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vitrine.containers import MOST_PIECES, Truncated, iso_boxes, without_introduction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vitrine.containers import Span

_MOST_META: Final = 1024 * 1024  # bytes of a directory of items
_MOST_BRANDS: Final = 64
# Of one item; writers use a handful, and the same property may be named again and again.
_MOST_PROPERTIES: Final = 32

# Item types of coded pictures (ISO 23008-12, ISO 23001-17), and what people call them.
_CODINGS: Final = {
    b"hvc1": "HEVC",
    b"av01": "AV1",
    b"avc1": "H.264",
    b"vvc1": "VVC",
    b"evc1": "EVC",
    b"jpeg": "JPEG",
    b"j2k1": "JPEG 2000",
    b"unci": "samples",
}


def brands(head: bytes) -> list[bytes]:
    """The brands in the `ftyp` box of an ISO base media file (ISO 14496-12, 4.3), the major brand first.

    Empty for other files.
    """
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4], "big"), 16 + 4 * _MOST_BRANDS, len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]


def has_still(file: Span) -> bool:
    """Whether the file has a picture beside its sequences: a directory of items (ISO 23008-12, 6.2)."""
    try:
        names = {name for name, _ in iso_boxes(file)}
    except Truncated:  # the file is cut short, which its decoder reports
        return True
    return b"meta" in names or b"moov" not in names


def other_coding(file: Span, expected: bytes) -> str | None:
    """The name of the coding that the file's pictures have, if none of them is of the item type `expected`.

    None where one is, and where the file names no coding.
    """
    try:
        iinf = _directory(file).get(b"iinf")
        types = [] if iinf is None else [kind for _, kind in _items(iinf)]
    except Truncated:
        return None
    others = [_CODINGS[kind] for kind in types if kind in _CODINGS]
    return None if expected in types or not others else others[0]


def exif_block(file: Span) -> Span | None:
    """The EXIF item; None where there is none, or it lies in several pieces. Raises Truncated.

    The item begins with four bytes that say where within it the TIFF begins (ISO 23008-12, A.2.1).
    """
    inside = _directory(file)
    if not inside.keys() >= {b"iinf", b"iloc"}:
        return None
    item = next((number for number, kind in _items(inside[b"iinf"]) if kind == b"Exif"), None)
    place = None if item is None else _place(inside[b"iloc"], item)
    if place is None:
        return None
    method, at, size = place
    if method and b"idat" not in inside:
        return None
    block = (inside[b"idat"] if method else file).part(at, size)
    return without_introduction(block.part(4 + block.number(0, 4)))


def properties(file: Span) -> Iterator[tuple[bytes, Span]]:
    """Name and content of each property of the primary item, in the order in which they are associated.

    Raises Truncated, also where the file has no directory of items.
    """
    inside = _directory(file)
    if b"pitm" not in inside or b"iprp" not in inside:
        raise Truncated
    tables = dict(iso_boxes(inside[b"iprp"]))
    if b"ipma" not in tables:
        raise Truncated
    known = list(iso_boxes(tables[b"ipco"])) if b"ipco" in tables else []
    pitm = inside[b"pitm"]
    primary = pitm.number(4, 4 if pitm.number(0, 1) else 2)
    for index in _associations(tables[b"ipma"], primary):
        if 0 < index <= len(known):
            yield known[index - 1]


def _directory(file: Span) -> dict[bytes, Span]:
    """The boxes within `meta`, by name; empty where the file has no `meta`, or one larger than is read."""
    meta = next((box for name, box in iso_boxes(file) if name == b"meta"), None)
    return {} if meta is None or meta.size > _MOST_META else dict(iso_boxes(meta.part(4)))


def _items(iinf: Span) -> Iterator[tuple[int, bytes]]:
    """Each item's number and type."""
    has_wide_count = iinf.number(0, 1) > 0
    for name, infe in iso_boxes(iinf.part(8 if has_wide_count else 6)):
        version = infe.number(0, 1)
        if name == b"infe" and version >= 2:
            size = 2 if version == 2 else 4
            yield infe.number(4, size), infe.read(4 + size + 2, 4)


def _place(iloc: Span, item: int) -> tuple[int, int, int] | None:
    """(0 in the file or 1 in `idat`, offset, size) of the item, if it is in one piece."""
    version, sizes = iloc.number(0, 1), iloc.number(4, 2)
    offset_size, length_size, base_size, index_size = (
        sizes >> 12,
        sizes >> 8 & 15,
        sizes >> 4 & 15,
        sizes & 15,
    )
    wide = 4 if version == 2 else 2
    at = 6 + wide
    for _ in range(min(iloc.number(6, wide), MOST_PIECES)):
        number, at = iloc.number(at, wide), at + wide
        method = iloc.number(at, 2) & 15 if version else 0
        at += 4 if version else 2  # method and data reference
        base, at = iloc.number(at, base_size), at + base_size
        extents, at = iloc.number(at, 2), at + 2
        each = (index_size if version else 0) + offset_size + length_size
        if number == item:
            at += each - offset_size - length_size
            place = method, base + iloc.number(at, offset_size), iloc.number(at + offset_size, length_size)
            return place if extents == 1 and method in (0, 1) else None
        at += extents * each
    return None


def _associations(ipma: Span, item: int) -> list[int]:
    """The properties of an item, as indexes into `ipco` that count from 1. Raises Truncated."""
    wide_ids, wide_indexes = ipma.number(0, 1) > 0, ipma.number(3, 1) & 1
    id_size, index_size = 4 if wide_ids else 2, 2 if wide_indexes else 1
    mask = 0x7FFF if wide_indexes else 0x7F  # the top bit says "essential"
    at = 8
    for _ in range(min(ipma.number(4, 4), MOST_PIECES)):
        number, count = ipma.number(at, id_size), ipma.number(at + id_size, 1)
        at += id_size + 1
        if number == item:
            return [
                ipma.number(at + index_size * n, index_size) & mask
                for n in range(min(count, _MOST_PROPERTIES))
            ]
        at += index_size * count
    raise Truncated
