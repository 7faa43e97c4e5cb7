"""What a file is, from its first kilobytes: type, dimensions, orientation. No decoder is used.

A file's name and its declared type are claims of whoever sent it; this module reads the file's own headers.
Whether the rest of the file can be decoded is found out by the imaging layer.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from vitrine.camera_raw import raw_type
from vitrine.containers import PNG_SIGNATURE, bytes_span
from vitrine.dimensions import measure
from vitrine.heif import brands
from vitrine.media_types import DOCUMENTS, OTHER_RAWS, RAWS, STILLS, TYPES, VIDEOS, Kind
from vitrine.settings import settings

# What `sniff` reads of a file. More is ignored; with less the dimensions may stay unknown.
HEAD_BYTES: Final = 64 * 1024
MOST_EDGE: Final = 2**31 - 1  # pixels of a width or a height that can be recorded: PostgreSQL's integer


# The types that the v1 API documents as accepted, in its order; all others follow them. `image/jpg` is what
# some clients call a JPEG.
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

# Other names that browsers, phones and operating systems declare.
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
    """The type, dimensions and orientation that a file's head states."""

    mime_type: str  # a key of TYPES
    kind: Kind
    # Pixels as stored, however absurd the number; None where the head does not state it (videos, documents,
    # late headers).
    width: int | None = None
    height: int | None = None
    orientation: int = 1  # EXIF's 1 to 8: how to turn what is stored; 1 also where the head does not state it

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
        """The usual suffix of such a file's name, with its dot."""
        return TYPES[self.mime_type].extension


def _recordable(edge: int | None) -> int | None:
    return edge if edge is not None and edge <= MOST_EDGE else None


def sniff(head: bytes) -> Content | None:
    """The content of a file with these first `HEAD_BYTES` bytes (or all, if it is smaller); None for unknown
    types.

    Never raises, and takes time linear in the head, whatever the bytes.
    """
    head = head[:HEAD_BYTES]
    mime_type = next(filter(None, (recognise(head) for recognise in _RECOGNISERS)), None)
    if mime_type is None:
        return None
    width, height, orientation = measure(head, mime_type)
    if width < 1 or height < 1:
        return Content(mime_type, TYPES[mime_type].kind, orientation=orientation)
    return Content(mime_type, TYPES[mime_type].kind, width, height, orientation)


def canonical(declared: str) -> str:
    """The declared type as `Content.mime_type` names it: lower case, no parameters, the usual one of several
    names.
    """
    bare = declared.partition(";")[0].strip().lower()
    return _ALIASES.get(bare, bare)


def accepted_types() -> frozenset[str]:
    """The types that may be uploaded: those that frames are made of, and the documents that this deployment
    accepts.

    Raises ValueError where the setting names a type that is no document.
    """
    documents = frozenset(settings().accepted_documents)
    if not documents <= DOCUMENTS:
        raise ValueError(f"ACCEPTED_DOCUMENTS may name {' and '.join(sorted(DOCUMENTS))}")
    return STILLS | VIDEOS | documents


def describe_type(mime_type: str) -> str:
    """The type for a sentence to a person, who may not know what its last letters stand for."""
    return f"{mime_type} (camera raw)" if mime_type in RAWS | OTHER_RAWS else mime_type


def declarable_types() -> list[str]:
    """The names under which a client may declare the accepted types; some types have several."""
    accepted = accepted_types()
    documented = [each for each in _DOCUMENTED if canonical(each) in accepted]
    return documented + sorted(accepted.difference(_DOCUMENTED))


_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (PNG_SIGNATURE, "image/png"),
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


# Raw files whose containers are not TIFF, though some of them resemble it.
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
    return named or raw_type(bytes_span(head).available)


def _webp(head: bytes) -> str | None:
    return "image/webp" if head.startswith(b"RIFF") and head[8:12] == b"WEBP" else None


_AVIF: Final = frozenset({b"avif", b"avis"})
_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
# names only the container; the codec is among the compatible brands
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
    """QuickTime from before `ftyp` existed: the first atom is one of those that a film begins with."""
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


_SVG_ROOT: Final = re.compile(r"<(?:[A-Za-z_][\w.-]{0,60}:)?svg[\s/>]")
_XML_LEADS: Final = (("<?", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">"))


def _svg(head: bytes) -> str | None:
    """Known by its root element, `svg`, after the declarations and comments of the prologue."""
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
