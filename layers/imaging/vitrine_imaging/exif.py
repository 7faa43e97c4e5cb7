"""What camera, lens and clock say in a picture's EXIF (CIPA DC-008, Exif 3.0): found in its container, read
from its directories.

This runs inside the decoder's child. It reads the few entries that are kept, and of each no more than is
kept: what others claim, however long,
deep or often, is passed over. No pixel is decoded: Pillow would, where a PNG has its EXIF behind them, and
would read a HEIC or AVIF whole.
"""

import math
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO, Final, TypeVar
from unicodedata import normalize

from vitrine import tiff
from vitrine.media_types import RAWS
from vitrine_imaging.models import FIRST_YEAR, LAST_YEAR

MOST_TEXT: Final = 200  # characters of a name

_MOST_ENTRIES: Final = 1000  # of a directory; cameras write some sixty
_MOST_BYTES: Final = 1024  # of an entry
_MOST_PIECES: Final = 10_000  # segments, chunks or boxes that are passed over before EXIF is given up
_MOST_META: Final = 1024 * 1024  # bytes of a HEIF's directory of items


@dataclass(frozen=True, slots=True)
class Told:
    """What a picture tells of its making."""

    exif: Mapping[str, Any] | None = None  # JSON; None: nothing that is kept
    taken_at: datetime | None = None  # by the camera's clock; as if it had been in UTC where no zone is told
    taken_zone: str | None = None  # "+02:00"; None: nobody knows


def read(file: BinaryIO, mime_type: str, *, keep_gps: bool) -> Told:
    """What the picture tells; where it was taken only with `keep_gps`. Nothing it can hold makes this
    raise, or take long.
    """
    try:
        return _read(file, mime_type, keep_gps=keep_gps) if mime_type in _CONTAINERS else Told()
    except _BAD:  # no picture is worth less for what is beside it
        return Told()


def _read(file: BinaryIO, mime_type: str, *, keep_gps: bool) -> Told:
    whole = _whole(file)
    block = _before_the_end(_CONTAINERS[mime_type], whole)
    found = None if block is None else _before_the_end(partial(_told, keep_gps=keep_gps), block)
    told = found or Told()
    if told.taken_at is None and mime_type in _XMP:
        taken = _time_in_xmp(_before_the_end(_XMP[mime_type], whole) or b"")
        told = replace(told, taken_at=taken[0], taken_zone=taken[1])
    return told


def has_still(file: BinaryIO) -> bool:
    """Whether a HEIF file has a picture beside its sequences: a directory of items (ISO 23008-12, 6.2)."""
    try:
        names = {name for name, _ in _boxes(_whole(file))}
    except _Cut:  # the file is cut short, which its decoder reports
        return True
    return b"meta" in names or b"moov" not in names


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


def other_coding(file: BinaryIO, expected: bytes) -> str | None:
    """How the pictures of a HEIF or AVIF file are coded, if none is of the item type `expected`; None
    where one is, or where it does not say.
    """
    try:
        meta = next((box for name, box in _boxes(_whole(file)) if name == b"meta"), None)
        if meta is None or meta.size > _MOST_META:
            return None
        iinf = dict(_boxes(meta.part(4))).get(b"iinf")
        types = [] if iinf is None else [kind for _, kind in _items(iinf)]
    except _Cut:
        return None
    others = [_CODINGS[kind] for kind in types if kind in _CODINGS]
    return None if expected in types or not others else others[0]


class _Cut(Exception):
    """The bytes end, or stop making sense, before they tell."""


# What bytes can bring about that are not EXIF, though they claim to be. Any other exception is an error of
# this module.
_BAD: Final = (_Cut, ValueError, ArithmeticError, struct.error)


@dataclass(frozen=True, slots=True)
class _Bytes:
    """A part of a file."""

    file: BinaryIO
    start: int
    size: int

    def read(self, at: int, size: int) -> bytes:
        if at < 0 or at + size > self.size:
            raise _Cut
        self.file.seek(self.start + at)
        piece = self.file.read(size)
        if len(piece) < size:
            raise _Cut
        return piece

    def number(self, at: int, size: int) -> int:
        return int.from_bytes(self.read(at, size), "big")

    def part(self, at: int, size: int | None = None) -> "_Bytes":
        """From `at` on; of so many bytes, or as many as there are."""
        there = self.size - at
        if at < 0 or there < 0:
            raise _Cut
        return _Bytes(self.file, self.start + at, there if size is None else min(size, there))


def _whole(file: BinaryIO) -> _Bytes:
    return _Bytes(file, 0, file.seek(0, os.SEEK_END))


_Found = TypeVar("_Found")


def _before_the_end(find: Callable[[_Bytes], _Found | None], whole: _Bytes) -> _Found | None:
    """What is found in the container; None where it ends first."""
    try:
        return find(whole)
    except _Cut:
        return None


# -- containers: where EXIF, which is a TIFF file of its own, begins
# ----------------------------------------------------

_INTRODUCTION: Final = b"Exif\0\0"


def _in_jpeg(whole: _Bytes) -> _Bytes | None:
    return _application_segment(whole, _INTRODUCTION)


def _application_segment(whole: _Bytes, introduction: bytes) -> _Bytes | None:
    """What follows `introduction` in a JPEG's first APP1 segment that begins with it, before the pixels."""
    at, start = 2, len(introduction)
    for _ in range(_MOST_PIECES):
        marker = whole.number(at, 2)
        if marker == 0xFFFF:  # fill
            at += 1
            continue
        if marker < 0xFF02 or marker in (0xFFD9, 0xFFDA):
            return None
        size = whole.number(at + 2, 2)
        if marker == 0xFFE1 and size >= 2 + start and whole.read(at + 4, start) == introduction:
            return whole.part(at + 4 + start, size - 2 - start)
        at += 2 + size
    return None


def _in_png(whole: _Bytes) -> _Bytes | None:
    """`eXIf`, before the pixels or behind them; else a text of ImageMagick's, which had no such chunk for
    long.
    """
    in_text = None
    for name, chunk in _chunks(whole):
        if name == b"eXIf":
            return _introduced(chunk)
        if in_text is None and (text := _text(name, chunk, _RAW_PROFILES)):
            block = _unpacked(text)
            tiff_file = None if block is None else _introduced(block)
            in_text = (
                tiff_file
                if tiff_file is not None and tiff_file.size >= 4 and tiff_file.read(0, 4) in _ORDERS
                else None
            )
    return in_text


def _chunks(whole: _Bytes) -> Iterator[tuple[bytes, _Bytes]]:
    """A PNG's chunks, as far as they go."""
    at = 8
    for _ in range(_MOST_PIECES):
        if at + 12 > whole.size:
            return
        size, name = whole.number(at, 4), whole.read(at + 4, 4)
        if at + 8 + size > whole.size:
            return
        yield name, whole.part(at + 8, size)
        at += 12 + size


_RAW_PROFILES: Final = frozenset({b"Raw profile type exif", b"Raw profile type APP1"})
_TEXTS_OF_PNG: Final = {b"tEXt", b"zTXt", b"iTXt"}
_MOST_KEYWORD: Final = 79  # bytes (PNG, 11.3.3)
_MOST_PROFILE: Final = 512 * 1024  # characters of a text that are read


def _text(name: bytes, chunk: _Bytes, keywords: Set[bytes]) -> bytes:
    """The beginning of the text that has one of these keywords; empty for every other chunk."""
    if name not in _TEXTS_OF_PNG:
        return b""
    keyword, null, _ = chunk.read(0, min(chunk.size, _MOST_KEYWORD + 1)).partition(b"\0")
    if not null or keyword not in keywords:
        return b""
    rest = chunk.part(len(keyword) + 1)
    body = rest.read(0, min(rest.size, _MOST_PROFILE))
    compressed = name == b"zTXt"
    if name == b"zTXt":
        body = body[1:]
    elif name == b"iTXt":
        compressed = body[:1] == b"\1"
        body = body[2:].partition(b"\0")[2].partition(b"\0")[2]  # language, translated keyword
    if not compressed:
        return body
    try:
        return zlib.decompressobj().decompress(body, _MOST_PROFILE)
    except zlib.error:
        return b""


_HEX: Final = re.compile(rb"\s*[\w ]{1,16}\s+\d{1,9}\s+([0-9A-Fa-f\s]*)")


def _unpacked(text: bytes) -> _Bytes | None:
    """The bytes that ImageMagick has written as a name, a length and lines of hexadecimal digits."""
    found = _HEX.match(text)
    if found is None:
        return None
    digits = b"".join(found[1].split())
    block = bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
    return _Bytes(BytesIO(block), 0, len(block))


def _in_webp(whole: _Bytes) -> _Bytes | None:
    chunk = _chunk_of_webp(whole, b"EXIF")
    return None if chunk is None else _introduced(chunk)


def _chunk_of_webp(whole: _Bytes, wanted: bytes) -> _Bytes | None:
    """The first chunk of this name."""
    at = 12
    for _ in range(_MOST_PIECES):
        name, size = whole.read(at, 4), int.from_bytes(whole.read(at + 4, 4), "little")
        if name == wanted:
            return whole.part(at + 8, size)
        at += 8 + size + size % 2
    return None


def _introduced(block: _Bytes) -> _Bytes:
    """Without the words that only a JPEG's segment needs, and that some write into every container."""
    return block.part(6) if block.size >= 6 and block.read(0, 6) == _INTRODUCTION else block


def _in_tiff(whole: _Bytes) -> _Bytes | None:
    return whole


def _in_heif(whole: _Bytes) -> _Bytes | None:
    """ISO 14496-12: `iinf` names the items, `iloc` says where they lie; ISO 23008-12, A.2.1: four bytes
    say where within it the TIFF begins.
    """
    meta = next((box for name, box in _boxes(whole) if name == b"meta"), None)
    if meta is None or meta.size > _MOST_META:
        return None
    inside = dict(_boxes(meta.part(4)))
    if not inside.keys() >= {b"iinf", b"iloc"}:
        return None
    item = _exif_item(inside[b"iinf"])
    placed = None if item is None else _placed(inside[b"iloc"], item)
    if placed is None:
        return None
    method, at, size = placed
    if method and b"idat" not in inside:
        return None
    block = (inside[b"idat"] if method else whole).part(at, size)
    return _introduced(block.part(4 + block.number(0, 4)))


def _boxes(within: _Bytes) -> Iterator[tuple[bytes, _Bytes]]:
    at = 0
    for _ in range(_MOST_PIECES):
        if at + 8 > within.size:
            return
        size, name, header = within.number(at, 4), within.read(at + 4, 4), 8
        if size == 1:
            size, header = within.number(at + 8, 8), 16
        size = size or within.size - at  # 0: to the end
        if size < header:
            return
        yield name, within.part(at + header, size - header)
        at += size


def _exif_item(iinf: _Bytes) -> int | None:
    """The number of the item that is EXIF."""
    return next((number for number, kind in _items(iinf) if kind == b"Exif"), None)


def _items(iinf: _Bytes) -> Iterator[tuple[int, bytes]]:
    """Each item's number and type."""
    wide = iinf.number(0, 1) > 0
    for name, infe in _boxes(iinf.part(8 if wide else 6)):
        version = infe.number(0, 1)
        if name == b"infe" and version >= 2:
            size = 2 if version == 2 else 4
            yield infe.number(4, size), infe.read(4 + size + 2, 4)


def _placed(iloc: _Bytes, item: int) -> tuple[int, int, int] | None:
    """(0 in the file or 1 in `idat`, where, how long) the item is, if it is in one piece."""
    version, sizes = iloc.number(0, 1), iloc.number(4, 2)
    offset_size, length_size, base_size, index_size = (
        sizes >> 12,
        sizes >> 8 & 15,
        sizes >> 4 & 15,
        sizes & 15,
    )
    wide = 4 if version == 2 else 2
    at = 6 + wide
    for _ in range(min(iloc.number(6, wide), _MOST_PIECES)):
        number, at = iloc.number(at, wide), at + wide
        method = iloc.number(at, 2) & 15 if version else 0
        at += 4 if version else 2  # method and data reference
        base, at = iloc.number(at, base_size), at + base_size
        extents, at = iloc.number(at, 2), at + 2
        each = (index_size if version else 0) + offset_size + length_size
        if number == item:
            at += each - offset_size - length_size
            found = method, base + iloc.number(at, offset_size), iloc.number(at + offset_size, length_size)
            return found if extents == 1 and method in (0, 1) else None
        at += extents * each
    return None


_CONTAINERS: Final[Mapping[str, Callable[[_Bytes], _Bytes | None]]] = {
    "image/jpeg": _in_jpeg,
    "image/png": _in_png,
    "image/webp": _in_webp,
    "image/tiff": _in_tiff,
    "image/heic": _in_heif,
    "image/heif": _in_heif,
    "image/avif": _in_heif,
    **dict.fromkeys(RAWS, _in_tiff),
}


# -- XMP (ISO 16684-1): only its dates, for pictures whose EXIF has none
# ---------------------------------------------------

_MOST_XMP: Final = 256 * 1024  # bytes of a packet that are read


def _xmp_in_jpeg(whole: _Bytes) -> bytes | None:
    segment = _application_segment(whole, b"http://ns.adobe.com/xap/1.0/\0")
    return None if segment is None else segment.read(0, segment.size)


def _xmp_in_png(whole: _Bytes) -> bytes | None:
    for name, chunk in _chunks(whole):
        if text := _text(name, chunk, {b"XML:com.adobe.xmp"}):
            return text
        if text := _text(name, chunk, _RAW_PROFILES | {b"Raw profile type xmp"}):
            block = _unpacked(text)
            packet = b"" if block is None else block.read(0, min(block.size, _MOST_XMP))
            if b"x:xmpmeta" in packet or b"rdf:RDF" in packet:
                return packet
    return None


def _xmp_in_webp(whole: _Bytes) -> bytes | None:
    chunk = _chunk_of_webp(whole, b"XMP ")
    return None if chunk is None else chunk.read(0, min(chunk.size, _MOST_XMP))


def _xmp_in_tiff(whole: _Bytes) -> bytes | None:
    directory = tiff.first(
        lambda at, size: whole.read(at, max(0, min(size, whole.size - at))) if at < whole.size else b""
    )
    place = None if directory is None else directory.span(tiff.XMP)
    return None if place is None else whole.read(place[0], min(place[1], _MOST_XMP))


_XMP: Final[Mapping[str, Callable[[_Bytes], bytes | None]]] = {
    "image/jpeg": _xmp_in_jpeg,
    "image/png": _xmp_in_png,
    "image/webp": _xmp_in_webp,
    "image/tiff": _xmp_in_tiff,
    **dict.fromkeys(RAWS, _xmp_in_tiff),
}

# When the picture was taken, then when it was digitized; of each, EXIF's own name before the one that the
# Metadata Working Group gives it.
# No XML parser: a packet is found by these names alone, as an attribute or an element, so nothing in it is
# ever resolved or expanded.
_DATES: Final = tuple(
    re.compile(
        rb"""\b%s\s{0,8}(?:=\s{0,8}["']|[^<>]{0,200}>\s{0,64})(\d{4}-\d\d-\d\dT[0-9:.+Z-]{5,30})\s{0,64}["'<]"""
        % name
    )
    for name in (
        rb"exif:DateTimeOriginal",
        rb"photoshop:DateCreated",
        rb"exif:DateTimeDigitized",
        rb"(?:xmp|xap):CreateDate",
    )
)
_XMP_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII
)


def _time_in_xmp(packet: bytes) -> tuple[datetime | None, str | None]:
    """The moment and its zone, each None where the packet does not tell."""
    for pattern in _DATES:
        found = pattern.search(packet)
        written = None if found is None else _XMP_TIME.fullmatch(found[1].decode("ascii"))
        if written is None or not FIRST_YEAR <= int(written[1][:4]) <= LAST_YEAR:
            continue
        zone = _zone(written[4] or "")
        try:
            moment = datetime.fromisoformat(written[1] + (written[2] or ":00"))
        except ValueError:  # the thirtieth of February
            continue
        fraction = int((written[3] or "0")[:6].ljust(6, "0"))
        moment = moment.replace(microsecond=fraction, tzinfo=UTC if zone is None else timezone(zone))
        return moment, None if zone is None else moment.isoformat()[-6:]
    return None, None


# -- directories
# --------------------------------------------------------------------------------------------------------

_EXIF, _GPS = 0x8769, 0x8825  # in the first directory: where the other two begin
# by type, as struct has them
_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d"}
_TEXTS: Final = {1, 2, 7, 129}  # bytes, ASCII, undefined, UTF-8


@dataclass(frozen=True, slots=True)
class _Entry:
    type: int
    count: int
    value: bytes  # the value, or where it is


class _Directory:
    """Entries by their tag; the first of each, as far as they go."""

    def __init__(self, block: _Bytes, order: str, at: int) -> None:
        self._block, self._order = block, order
        self._entries: dict[int, _Entry] = {}
        try:
            (count,) = struct.unpack(order + "H", block.read(at, 2))
            for place in range(min(count, _MOST_ENTRIES)):
                tag, kind, length, value = struct.unpack(order + "HHI4s", block.read(at + 2 + 12 * place, 12))
                self._entries.setdefault(tag, _Entry(kind, length, value))
        except _Cut:
            pass

    def text(self, tag: int) -> str | None:
        """Printable, in one line, at most `MOST_TEXT` characters; None: nothing."""
        entry = self._entries.get(tag)
        if entry is None or entry.type not in _TEXTS:
            return None
        said = self._bytes(entry, 1).partition(b"\0")[0]
        try:
            text = said.decode()
        except UnicodeDecodeError:
            text = said.decode("latin-1")
        words = "".join(
            character if character.isprintable() else " " for character in normalize("NFC", text)
        ).split()
        return " ".join(words)[:MOST_TEXT].rstrip() or None

    def numbers(self, tag: int, most: int = 1) -> tuple[float, ...]:
        """As many as there are, and no more than `most`: finite ones. None at all where one is not."""
        entry = self._entries.get(tag)
        if entry is None or entry.type not in _NUMBERS or not entry.count:
            return ()
        form = _NUMBERS[entry.type]
        size = struct.calcsize(self._order + form)
        whole = self._bytes(entry, size)[: most * size]
        read = struct.iter_unpack(self._order + form, whole)
        found = [
            float(each[0]) if len(form) == 1 else each[0] / each[1] if each[1] else math.nan for each in read
        ]
        return tuple(found) if all(map(math.isfinite, found)) else ()

    def number(self, tag: int, least: float, most: float) -> float | None:
        """Between the two, to six digits; whole ones as such."""
        for number in self.numbers(tag):
            if least <= number <= most:
                return int(number) if number.is_integer() else float(f"{number:.6g}")
        return None

    def directory(self, tag: int) -> "_Directory | None":
        """The one that begins where this entry says."""
        at = self._entries.get(tag)
        return (
            None
            if at is None or at.type not in (4, 13)
            else _Directory(self._block, self._order, self._offset(at))
        )

    def _bytes(self, entry: _Entry, size: int) -> bytes:
        """The value's beginning, as far as it is there: whole elements of `size` bytes."""
        long = entry.count * size
        if long <= 4:
            return entry.value[:long]
        at = self._offset(entry)
        there = min(long, _MOST_BYTES, self._block.size - at)
        return self._block.read(at, there - there % size) if there > 0 else b""

    def _offset(self, entry: _Entry) -> int:
        return int(struct.unpack(self._order + "I", entry.value)[0])


_ORDERS: Final[Mapping[bytes, str]] = {b"II*\0": "<", b"MM\0*": ">"}


def _told(block: _Bytes, *, keep_gps: bool) -> Told:
    order = _ORDERS.get(block.read(0, 4))
    if order is None:
        return Told()
    (first,) = struct.unpack(order + "I", block.read(4, 4))
    picture = _Directory(block, order, first)
    camera = picture.directory(_EXIF)
    told: dict[str, Any] = {
        "make": picture.text(0x010F),
        "model": picture.text(0x0110),
        "software": picture.text(0x0131),
        "orientation": picture.number(0x0112, 1, 8),
    }
    taken: tuple[datetime | None, str | None] = None, None
    if camera is not None:
        flash = camera.number(0x9209, 0, 0xFFFF)
        told |= {
            "lens": camera.text(0xA434),
            "exposureTime": camera.number(0x829A, 1e-9, 1e6),
            "fNumber": camera.number(0x829D, 0.1, 1000),
            "iso": _iso(camera),
            "focalLength": camera.number(0x920A, 0.1, 100_000),
            "focalLength35mm": camera.number(0xA405, 1, 0xFFFF),
            "flash": None if flash is None else bool(int(flash) & 1),
        }
        # Not the first directory's: that is when the file was last written, by whatever program.
        taken = _time(camera, 0x9003, 0x9291, 0x9011) or _time(camera, 0x9004, 0x9292, 0x9012) or taken
    place = picture.directory(_GPS) if keep_gps else None
    if place is not None:
        told["gps"] = _gps(place)
    kept = {name: value for name, value in told.items() if value is not None}
    return Told(kept or None, *taken)


def _iso(camera: _Directory) -> float | None:
    """65535 means what does not fit there: then one of the longer entries has it."""
    speed = camera.number(0x8827, 1, 0xFFFE)
    return speed if speed is not None else camera.number(0x8833, 1, 1e9) or camera.number(0x8832, 1, 1e9)


_TIME: Final = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_ZONE: Final = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)


def _time(
    camera: _Directory, of_day: int, of_second: int, of_zone: int
) -> tuple[datetime | None, str | None] | None:
    spelled = _TIME.match(camera.text(of_day) or "")
    if spelled is None or not FIRST_YEAR <= int(spelled[1]) <= LAST_YEAR:
        return None
    fraction = re.match(r"\d{1,6}", camera.text(of_second) or "", re.ASCII)
    zone = _zone(camera.text(of_zone) or "")
    try:
        moment = datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*spelled.groups()))
    except ValueError:  # the thirtieth of February, a second of 60
        return None
    moment = moment.replace(
        microsecond=int(fraction[0].ljust(6, "0")) if fraction else 0,
        tzinfo=UTC if zone is None else timezone(zone),
    )
    return moment, None if zone is None else moment.isoformat()[-6:]


def _zone(said: str) -> timedelta | None:
    """East of Greenwich; as far as there are zones."""
    if said == "Z":
        return timedelta(0)
    spelled = _ZONE.fullmatch(said)
    if spelled is None or int(spelled[3]) > 59:
        return None
    offset = timedelta(hours=int(spelled[2]), minutes=int(spelled[3])) * (-1 if spelled[1] == "-" else 1)
    return offset if timedelta(hours=-12) <= offset <= timedelta(hours=14) else None


def _gps(place: _Directory) -> dict[str, float] | None:
    latitude, longitude = _degrees(place, 1, 2, "S", 90), _degrees(place, 3, 4, "W", 180)
    if latitude is None or longitude is None:
        return None
    found = {"latitude": latitude, "longitude": longitude}
    altitude = place.numbers(6)
    if altitude and 0 <= altitude[0] <= 100_000:
        found["altitude"] = round(altitude[0], 1) * (-1 if place.number(5, 1, 1) else 1)  # 1: below the sea
    return found


def _degrees(place: _Directory, side: int, tag: int, negative: str, most: int) -> float | None:
    """Degrees, minutes and seconds as one number: to a tenth of a metre."""
    spelled = place.numbers(tag, 3)
    if not spelled or any(part < 0 for part in spelled):
        return None
    degrees = sum(part / 60**power for power, part in enumerate(spelled))
    return None if degrees > most else round(-degrees if place.text(side) == negative else degrees, 6)
