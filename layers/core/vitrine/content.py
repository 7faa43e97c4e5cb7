"""What bytes are, from their first kilobytes: type, dimensions, orientation. No decoder, nothing but the
standard library and our settings.

A name or a declared type is what somebody says of a file; this is what the file says. It is a reading of
headers only:
that the rest can be decoded is for the imaging layer to find out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from re import compile as pattern
from typing import Final, Literal

from vitrine import tiff
from vitrine.media_types import DOCUMENTS, OTHER_RAWS, RAWS, STILLS, TYPES, VIDEOS, Kind
from vitrine.settings import settings

# what `sniff` reads of a file; more is ignored, less may leave the dimensions unknown
HEAD_BYTES: Final = 64 * 1024
MOST_EDGE: Final = 2**31 - 1  # pixels of a width or a height that can be recorded: PostgreSQL's integer


# What the v1 API documents as taken, in its order, before whatever else is: `image/jpg` is what some clients
# call a JPEG.
_DOCUMENTED: Final = (
    "image/jpeg",
    "image/jpg",
    "image/png",
    "image/gif",
    "image/webp",
    "video/mp4",
    "video/mpeg",
    "video/quicktime",
    "video/webm",
)

# Other spellings that browsers, phones and operating systems declare.
_ALIASES: Final[Mapping[str, str]] = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/apng": "image/png",
    "image/vnd.mozilla.apng": "image/png",
    "image/avif-sequence": "image/avif",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heif",
    "image/x-tiff": "image/tiff",
    "image/x-bmp": "image/bmp",
    "image/x-ms-bmp": "image/bmp",
    "image/dng": "image/x-adobe-dng",
    "image/x-dng": "image/x-adobe-dng",
    "image/cr2": "image/x-canon-cr2",
    "image/nef": "image/x-nikon-nef",
    "image/x-nikon-nrw": "image/x-nikon-nef",
    "image/arw": "image/x-sony-arw",
    "image/x-sony-sr2": "image/x-sony-arw",
    "image/x-sony-srf": "image/x-sony-arw",
    "image/x-raw": "image/x-dcraw",
    "application/x-pdf": "application/pdf",
    "video/x-m4v": "video/mp4",
    "video/matroska": "video/x-matroska",
    "video/x-mpeg": "video/mpeg",
    "video/mpg": "video/mpeg",
    "audio/x-m4a": "audio/mp4",
}


@dataclass(frozen=True, slots=True)
class Content:
    """What a file's head says it is."""

    mime_type: str  # a key of TYPES
    kind: Kind
    # As many as the head says, however absurd.
    # pixels as stored; None where the head does not tell (videos, documents, late headers)
    width: int | None = None
    height: int | None = None
    orientation: int = 1  # EXIF's 1 to 8: how to turn what is stored; 1 also where the head does not tell

    @property
    def width_shown(self) -> int | None:
        """Pixels from left to right once the picture is upright; None also for more than can be recorded."""
        return _recordable(self.height if self.orientation >= 5 else self.width)

    @property
    def height_shown(self) -> int | None:
        """Pixels from top to bottom once the picture is upright; None also for more than can be recorded."""
        return _recordable(self.width if self.orientation >= 5 else self.height)

    @property
    def extension(self) -> str:
        return TYPES[self.mime_type].extension


def _recordable(edge: int | None) -> int | None:
    return edge if edge is not None and edge <= MOST_EDGE else None


@dataclass(frozen=True, slots=True)
class Colours:
    """How colours are coded, in the numbers of ITU-T H.273."""

    primaries: int
    transfer: int
    # nits of the brightest pixel (MaxCLL), or else of the screen that the picture was made on
    brightest: float | None = None


def sniff(head: bytes) -> Content | None:
    """What a file is whose first `HEAD_BYTES` bytes (or all, if it is smaller) are these; None for what we do
    not know.

    Never raises, and takes time linear in the head, whatever the bytes.
    """
    head = head[:HEAD_BYTES]
    for recognise in _RECOGNISERS:
        mime_type = recognise(head)
        if mime_type:
            kind = TYPES[mime_type].kind
            try:
                width, height, orientation = (
                    _MEASURES[mime_type](head) if mime_type in _MEASURES else (0, 0, 1)
                )
            except _Cut:
                width, height, orientation = 0, 0, 1
            if width < 1 or height < 1:
                return Content(mime_type, kind, orientation=orientation)
            return Content(mime_type, kind, width, height, orientation)
    return None


def colours(head: bytes) -> Colours | None:
    """How the colours of a HEIF, an AVIF or a PNG with these first bytes are coded; None where a profile
    describes them, or nothing does.

    Never raises.
    """
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return _colours_of_png(head)
        return _colours_of_heif(head) if head[4:8] == b"ftyp" else None
    except _Cut:
        return None


def canonical(declared: str) -> str:
    """A declared type as `Content.mime_type` would spell it: no parameters, lower case, the usual one of
    several names.
    """
    bare = declared.partition(";")[0].strip().lower()
    return _ALIASES.get(bare, bare)


def taken() -> frozenset[str]:
    """The types that are taken here: what frames are made of, and the documents that this deployment takes.

    Raises ValueError where the setting names what is no document.
    """
    documents = frozenset(settings().accepted_documents)
    if not documents <= DOCUMENTS:
        raise ValueError(f"ACCEPTED_DOCUMENTS may name {' and '.join(sorted(DOCUMENTS))}")
    return STILLS | VIDEOS | documents


def described(mime_type: str) -> str:
    """The type for a sentence to a person, who may not know what its last letters stand for."""
    return f"{mime_type} (camera raw)" if mime_type in RAWS | OTHER_RAWS else mime_type


def declarable() -> list[str]:
    """What a client may declare to have what is taken."""
    here = taken()
    return [each for each in _DOCUMENTED if canonical(each) in here] + sorted(here.difference(_DOCUMENTED))


# -- recognising
# ------------------------------------------------------------------------------------------------------

_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0\x08\0\0\0", "image/tiff"),  # BigTIFF
    (b"MM\0+\0\x08\0\0", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"\xef\xbb\xbf%PDF-", "application/pdf"),
    (b"\0\0\x01\xba", "video/mpeg"),  # program stream
    (b"\0\0\x01\xb3", "video/mpeg"),  # bare video stream
)


def _by_signature(head: bytes) -> str | None:
    return next((mime_type for signature, mime_type in _SIGNATURES if head.startswith(signature)), None)


# Raw files whose containers are not TIFF, whatever some of them have in common with it.
_RAW_SIGNATURES: Final = (
    (b"FUJIFILMCCD-RAW", "image/x-fuji-raf"),
    (b"IIU\0", "image/x-panasonic-rw2"),
    (b"IIRO", "image/x-olympus-orf"),
    (b"IIRS", "image/x-olympus-orf"),
    (b"MMOR", "image/x-olympus-orf"),
    (b"\0MRM", "image/x-minolta-mrw"),
    (b"FOVb", "image/x-sigma-x3f"),
)


def _raw(head: bytes) -> str | None:
    if head[:2] == b"II" and head[6:14] == b"HEAPCCDR":
        return "image/x-canon-crw"
    named = next((mime_type for signature, mime_type in _RAW_SIGNATURES if head.startswith(signature)), None)
    return named or raw_type(lambda at, size: head[at : at + size])


# Compression: Sony, Epson, Samsung (two), Kodak KDC, Nikon, Kodak DCR, Pentax; as ExifTool lists them.
_SENSOR_COMPRESSIONS: Final = frozenset({32767, 32769, 32770, 32772, 32867, 34713, 65000, 65535})
_RAW_MAKES: Final = (
    (b"NIKON", "image/x-nikon-nef"),
    (b"SONY", "image/x-sony-arw"),
    (b"PENTAX", "image/x-pentax-pef"),
    (b"RICOH", "image/x-pentax-pef"),
    (b"SAMSUNG", "image/x-samsung-srw"),
    (b"HASSELBLAD", "image/x-hasselblad-3fr"),
    (b"PHASE ONE", "image/x-phaseone-iiq"),
    (b"LEAF", "image/x-leaf-mos"),
    (b"MAMIYA", "image/x-mamiya-mef"),
    (b"KODAK", "image/x-kodak-dcr"),
    (b"EASTMAN KODAK", "image/x-kodak-dcr"),
    (b"SEIKO EPSON", "image/x-epson-erf"),
    (b"EPSON", "image/x-epson-erf"),
    (b"CANON", "image/x-canon-cr2"),
)
_PHASE_ONE: Final = pattern(rb"IIII.waR|MMMMRaw.")
_OLD_JPEG: Final = 6  # Compression


def raw_type(read: tiff.Read) -> str | None:
    """Which type of camera raw a TIFF file is that can be read in this way; None for every other file.

    A DNG has the tag DNGVersion, a CR2 and an IIQ have a mark behind the header. Other raw files are known by
    a directory with samples of a
    sensor, or, where such a directory lies beyond what is read, by a camera's make beside a first directory
    that is only a reduced picture.
    """
    mark = read(8, 8)
    first = tiff.first(read)
    if first is None:
        return "image/x-phaseone-iiq" if read(0, 4) in _ORDERS and _PHASE_ONE.match(mark) else None
    if tiff.DNG_VERSION in first:
        return "image/x-adobe-dng"
    if mark.startswith(b"CR\2"):
        return "image/x-canon-cr2"
    if _PHASE_ONE.match(mark):
        return "image/x-phaseone-iiq"
    make = first.text(tiff.MAKE).strip().upper()
    by_make = next((mime_type for start, mime_type in _RAW_MAKES if make.startswith(start)), None)
    if any(_of_sensor(each) for each in tiff.walk(read)):
        return by_make or "image/x-dcraw"
    reduced = first.number(tiff.NEW_SUBFILE_TYPE) & 1 or first.number(tiff.COMPRESSION) == _OLD_JPEG
    return by_make if tiff.SUB_IFDS in first and reduced else None


def _of_sensor(directory: tiff.Directory) -> bool:
    return (
        directory.number(tiff.PHOTOMETRIC) in tiff.SENSOR_COLOURS
        or directory.number(tiff.COMPRESSION) in _SENSOR_COMPRESSIONS
        or (tiff.CFA_PATTERN in directory and directory.number(tiff.SAMPLES_PER_PIXEL, 1) == 1)
    )


def _webp(head: bytes) -> str | None:
    return "image/webp" if head.startswith(b"RIFF") and head[8:12] == b"WEBP" else None


_AVIF: Final = frozenset({b"avif", b"avis"})
_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
# the container only; the codec is among the compatible brands
_ANY_STILL: Final = frozenset({b"mif1", b"mif2", b"msf1"})
_FILM_BRANDS: Final = (
    (b"qt  ", "video/quicktime"),
    (b"M4A", "audio/mp4"),
    (b"M4B", "audio/mp4"),
    (b"M4P", "audio/mp4"),
    (b"3g", "video/3gpp"),
    (b"iso", "video/mp4"),
    (b"mp4", "video/mp4"),
    (b"mp71", "video/mp4"),
    (b"M4V", "video/mp4"),
    (b"avc1", "video/mp4"),
    (b"dash", "video/mp4"),
    (b"mmp4", "video/mp4"),
    (b"MSNV", "video/mp4"),
    (b"XAVC", "video/mp4"),
    (b"f4v", "video/mp4"),
    (b"F4V", "video/mp4"),
)
_MOST_BRANDS: Final = 64


def brands(head: bytes) -> list[bytes]:
    """What an ISO base media file (ISO 14496-12) names itself in its `ftyp` box, its major brand first;
    nothing for other files.
    """
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4], "big"), 16 + 4 * _MOST_BRANDS, len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]


def _by_brand(head: bytes) -> str | None:
    named = brands(head)
    if not named:
        return None
    if named[0] == b"crx ":  # Canon's raw pictures also claim isom
        return "image/x-canon-cr3"
    major = named[0]
    if major in _AVIF:
        return "image/avif"
    if major in _HEIC:
        return "image/heic"
    if major in _ANY_STILL:
        if _AVIF.intersection(named):
            return "image/avif"
        return "image/heic" if _HEIC.intersection(named) else "image/heif"
    return next(
        (mime_type for brand in named for start, mime_type in _FILM_BRANDS if brand.startswith(start)), None
    )


def _old_quicktime(head: bytes) -> str | None:
    """QuickTime from before `ftyp`: the first atom is one of a film's."""
    if head[4:8] not in {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}:
        return None
    size = int.from_bytes(head[:4], "big")
    return "video/quicktime" if size == 1 or size >= 8 else None


def _matroska(head: bytes) -> str | None:
    """The EBML header's DocType (RFC 8794, element 0x4282) is the first string of the file."""
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    at = head.find(b"\x42\x82", 4, 4096)
    if at < 0 or at + 3 > len(head):
        return None
    name = head[at + 3 : at + 3 + (head[at + 2] & 0x7F)].rstrip(b"\0")
    return {b"webm": "video/webm", b"matroska": "video/x-matroska"}.get(name)


def _transport_stream(head: bytes) -> str | None:
    """Packets of 188 bytes that each begin with 0x47; cameras put four bytes of time before each."""
    for first, stride in ((0, 188), (4, 192)):
        if all(head[first + stride * n : first + stride * n + 1] == b"\x47" for n in range(4)):
            return "video/mp2t"
    return None


_BMP_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})  # sizes of the known information headers


def _bmp(head: bytes) -> str | None:
    return (
        "image/bmp"
        if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS
        else None
    )


_SVG_ROOT: Final = pattern(r"<(?:[A-Za-z_][\w.-]{0,60}:)?svg[\s/>]")
_XML_LEADS: Final = (("<?", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">"))


def _svg(head: bytes) -> str | None:
    """The root element is `svg`, after whatever declarations and comments a prologue holds."""
    wide = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(head[:2])
    text = head[2:].decode(wide, "replace") if wide else head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    at = 0
    while True:
        at = next((place for place in range(at, len(text)) if not text[place].isspace()), len(text))
        ends = next((last for first, last in _XML_LEADS if text.startswith(first, at)), None)
        if ends is None:
            return "image/svg+xml" if _SVG_ROOT.match(text, at) else None
        if ends == ">" and "[" in text[at : text.find(">", at) + 1]:
            ends = "]>"  # a document type with declarations of its own
        end = text.find(ends, at)
        if end < 0:
            return None
        at = end + len(ends)


_RECOGNISERS: Final[tuple[Callable[[bytes], str | None], ...]] = (
    _raw,
    _by_signature,
    _webp,
    _by_brand,
    _matroska,
    _bmp,
    _svg,
    _old_quicktime,
    _transport_stream,
)


# -- measuring: (width, height, orientation), 0 where it is not told
# --------------------------------------------------

Measured = tuple[int, int, int]
Order = Literal["big", "little"]


class _Cut(Exception):
    """The head ends, or stops making sense, before it tells."""


def _number(head: bytes, at: int, size: int, order: Order = "big") -> int:
    piece = head[at : at + size]
    if len(piece) < size:
        raise _Cut
    return int.from_bytes(piece, order)


_NO_SIZE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})  # markers that stand alone
# start of frame, in its thirteen coding processes
_SOF: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _measure_jpeg(head: bytes) -> Measured:
    orientation = 1
    at = 2
    while True:
        at = head.find(b"\xff", at)
        if at < 0:
            raise _Cut
        marker = _number(head, at + 1, 1)
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker in _NO_SIZE:
            at += 2
            continue
        if marker in {0xD9, 0xDA}:  # the end, or pixels before any frame
            raise _Cut
        length = _number(head, at + 2, 2)
        if marker in _SOF:
            return _number(head, at + 7, 2), _number(head, at + 5, 2), orientation
        if marker == 0xE1 and orientation == 1 and head[at + 4 : at + 10] == b"Exif\0\0":
            orientation = _exif_orientation(head[at + 10 : at + 2 + length])
        at += 2 + length


def _measure_png(head: bytes) -> Measured:
    if head[12:16] != b"IHDR":
        raise _Cut
    width, height = _number(head, 16, 4), _number(head, 20, 4)
    at = 8
    while at + 8 <= len(head):
        length = _number(head, at, 4)
        if head[at + 4 : at + 8] == b"eXIf":
            return width, height, _exif_orientation(head[at + 8 : at + 8 + length])
        at += 12 + length
    return width, height, 1


def _measure_gif(head: bytes) -> Measured:
    return _number(head, 6, 2, "little"), _number(head, 8, 2, "little"), 1


def _measure_webp(head: bytes) -> Measured:
    width, height, orientation = 0, 0, 1
    at = 12
    while at + 8 <= len(head):
        name, size, body = head[at : at + 4], _number(head, at + 4, 4, "little"), at + 8
        if name == b"VP8X":  # the canvas; it goes before the pictures on it
            width, height = _number(head, body + 4, 3, "little") + 1, _number(head, body + 7, 3, "little") + 1
        elif name == b"VP8 " and not width:
            if head[body + 3 : body + 6] != b"\x9d\x01\x2a":
                raise _Cut
            width, height = (
                _number(head, body + 6, 2, "little") & 0x3FFF,
                _number(head, body + 8, 2, "little") & 0x3FFF,
            )
        elif name == b"VP8L" and not width:
            bits = _number(head, body + 1, 4, "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif name == b"EXIF":
            orientation = _exif_orientation(head[body : body + size].removeprefix(b"Exif\0\0"))
        at = body + size + size % 2
    return width, height, orientation


def _measure_tiff(head: bytes) -> Measured:
    if head[2:4] in (b"+\0", b"\0+"):  # BigTIFF
        big = tiff.first(lambda at, size: head[at : at + size])
        if big is None:
            raise _Cut
        return (
            max(0, big.number(tiff.WIDTH)),
            max(0, big.number(tiff.HEIGHT)),
            _valid_orientation(big.number(tiff.ORIENTATION)),
        )
    tags = _first_directory(head)
    return tags.get(tiff.WIDTH, 0), tags.get(tiff.HEIGHT, 0), _valid_orientation(tags.get(tiff.ORIENTATION))


def _measure_bmp(head: bytes) -> Measured:
    if _number(head, 14, 4, "little") == 12:
        return _number(head, 18, 2, "little"), _number(head, 20, 2, "little"), 1
    width, height = _number(head, 18, 4, "little"), _number(head, 22, 4, "little")
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


def _measure_heif(head: bytes) -> Measured:
    """ISO 23008-12: the primary item's `ispe`, turned by its `irot` and `imir` in the order they are
    associated.
    """
    width, height, turn = 0, 0, (1, 0, 0, 1)
    for name, box in _properties(head):
        if name == b"ispe":
            width, height = _number(box, 4, 4), _number(box, 8, 4)
        elif name == b"irot":
            for _ in range(_number(box, 0, 1) & 3):  # quarters against the clock
                turn = (turn[2], turn[3], -turn[0], -turn[1])
        elif name == b"imir":
            # 0: top and bottom change places; 1: left and right (as libavif and libheif read it)
            across = _number(box, 0, 1) & 1
            turn = (
                (-turn[0], -turn[1], turn[2], turn[3]) if across else (turn[0], turn[1], -turn[2], -turn[3])
            )
    return width, height, _TURNS[turn]


def _properties(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each property of the primary item, in the order they are associated."""
    meta = next((box for name, box in _boxes(head) if name == b"meta"), None)
    if meta is None:
        raise _Cut
    inside = dict(_boxes(meta[4:]))
    properties = dict(_boxes(inside.get(b"iprp", b"")))
    kept = list(_boxes(properties.get(b"ipco", b"")))
    pitm = inside.get(b"pitm", b"")
    primary = _number(pitm, 4, 4 if pitm[:1] > b"\0" else 2)
    for index in _associations(properties.get(b"ipma", b""), primary):
        yield kept[index - 1] if 0 < index <= len(kept) else (b"", b"")


def _colours_of_heif(head: bytes) -> Colours | None:
    """By the primary item's `colr` of the kind `nclx` (ISO 23008-12, 6.5.5), where it has none with an
    ICC profile.
    """
    found, brightest, screen = None, None, None
    for name, box in _properties(head):
        if name == b"colr" and box[:4] in {b"prof", b"rICC"}:
            return None
        if name == b"colr" and box[:4] == b"nclx":
            found = Colours(_number(box, 4, 2), _number(box, 6, 2))
        elif name == b"clli":
            brightest = _number(box, 0, 2)
        elif name == b"mdcv":
            screen = _number(box, 16, 4) / 10_000
    return found and replace(found, brightest=brightest or screen or None)


def _colours_of_png(head: bytes) -> Colours | None:
    """By `cICP`, which comes before any profile (PNG, third edition, 4.3). Light is counted in
    ten-thousandths of a nit.
    """
    found, brightest, screen, at = None, None, None, 8
    while at + 8 <= len(head):
        length, name = _number(head, at, 4), head[at + 4 : at + 8]
        if name == b"cICP":
            found = Colours(_number(head, at + 8, 1), _number(head, at + 9, 1))
        elif name == b"cLLI":
            brightest = _number(head, at + 8, 4) / 10_000
        elif name == b"mDCV":
            screen = _number(head, at + 24, 4) / 10_000
        elif name in {b"IDAT", b"IEND"}:
            break
        at += 12 + length
    return found and replace(found, brightest=brightest or screen or None)


def _boxes(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each box's name and body, the last perhaps cut."""
    at = 0
    while at + 8 <= len(head):
        size, name, body = _number(head, at, 4), head[at + 4 : at + 8], at + 8
        if size == 1:
            size, body = _number(head, at + 8, 8), at + 16
        elif size == 0:
            size = len(head) - at
        if size < body - at:
            return
        yield name, head[body : at + size]
        at += size


# of one item; writers use a handful, and the same property may be named again and again
_MOST_PROPERTIES: Final = 32


def _associations(ipma: bytes, item: int) -> list[int]:
    """The properties of an item, as indexes into `ipco` that count from 1."""
    wide_ids, wide_indexes = ipma[:1] > b"\0", _number(ipma, 3, 1) & 1
    id_size, index_size = 4 if wide_ids else 2, 2 if wide_indexes else 1
    at = 8
    for _ in range(_number(ipma, 4, 4)):
        this, count = _number(ipma, at, id_size), _number(ipma, at + id_size, 1)
        at += id_size + 1
        if this == item:
            mask = 0x7FFF if wide_indexes else 0x7F  # the top bit says "essential"
            return [
                _number(ipma, at + index_size * n, index_size) & mask
                for n in range(min(count, _MOST_PROPERTIES))
            ]
        at += index_size * count
    raise _Cut


def _exif_orientation(block: bytes) -> int:
    try:
        return _valid_orientation(_first_directory(block).get(274))
    except _Cut:
        return 1


def _valid_orientation(value: int | None) -> int:
    return value if value is not None and 1 <= value <= 8 else 1


_ORDERS: Final[Mapping[bytes, Order]] = {b"II*\0": "little", b"MM\0*": "big"}
# SHORT and LONG: what widths, heights and orientations are written as
_TIFF_SIZES: Final[Mapping[int, int]] = {3: 2, 4: 4}


def _first_directory(block: bytes) -> dict[int, int]:
    """The single numbers in a TIFF's (or EXIF's) first directory, by tag."""
    order = _ORDERS.get(block[:4])
    if order is None:
        raise _Cut
    start = _number(block, 4, 4, order)
    tags: dict[int, int] = {}
    end = min(start + 2 + 12 * _number(block, start, 2, order), len(block))
    for at in range(start + 2, end - 11, 12):
        tag, form, count = (
            _number(block, at, 2, order),
            _number(block, at + 2, 2, order),
            _number(block, at + 4, 4, order),
        )
        if count == 1 and form in _TIFF_SIZES:
            tags.setdefault(tag, _number(block, at + 8, _TIFF_SIZES[form], order))
    return tags


_MEASURES: Final[Mapping[str, Callable[[bytes], Measured]]] = {
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
