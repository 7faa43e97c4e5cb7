"""Where the EXIF block and the XMP packet of a picture lie in its container."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

from vitrine import containers, heif, tiff
from vitrine.containers import EXIF_INTRODUCTION, Truncated, without_introduction
from vitrine.media_types import RAWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Set

    from vitrine.containers import Span

_MOST_XMP: Final = 256 * 1024  # bytes of a packet that are read


def exif_block(file: Span, mime_type: str) -> Span | None:
    """The EXIF of the file, which is a TIFF file of its own; None where there is none, or the file ends
    before it.

    Raises ValueError where a text in place of EXIF is malformed.
    """
    find = _EXIF.get(mime_type)
    try:
        return None if find is None else find(file)
    except Truncated:
        return None


def xmp_packet(file: Span, mime_type: str) -> bytes:
    """The XMP (ISO 16684-1) of the file, at most 256 KiB of it; empty where there is none, or the file ends
    before it.

    Raises ValueError where a text in place of XMP is malformed.
    """
    find = _XMP.get(mime_type)
    try:
        return b"" if find is None else find(file) or b""
    except Truncated:
        return b""


def _exif_of_jpeg(jpeg: Span) -> Span | None:
    return _application_segment(jpeg, EXIF_INTRODUCTION)


def _application_segment(jpeg: Span, introduction: bytes) -> Span | None:
    """The rest of a JPEG's first APP1 segment that begins with `introduction`."""
    for marker, segment in containers.jpeg_segments(jpeg):
        if marker == containers.APP1 and segment.available(0, len(introduction)) == introduction:
            return segment.part(len(introduction))
    return None


def _exif_of_png(png: Span) -> Span | None:
    """`eXIf`, before or behind the pixels; else a text of ImageMagick, which for long did not write that
    chunk.
    """
    in_text = None
    for name, chunk in containers.png_chunks(png):
        if name == b"eXIf":
            return without_introduction(chunk)
        if in_text is None and (text := _png_text(name, chunk, _RAW_PROFILES)):
            block = without_introduction(containers.bytes_span(_unpack(text)))
            in_text = block if block.available(0, 4) in tiff.SIGNATURES else None
    return in_text


_RAW_PROFILES: Final = frozenset({b"Raw profile type exif", b"Raw profile type APP1"})
_TEXTS_OF_PNG: Final = {b"tEXt", b"zTXt", b"iTXt"}
_MOST_KEYWORD: Final = 79  # bytes (PNG, 11.3.3)
_MOST_PROFILE: Final = 512 * 1024  # characters of a text that are read


def _png_text(name: bytes, chunk: Span, keywords: Set[bytes]) -> bytes:
    """The text of a PNG's chunk that has one of these keywords, decompressed, at most 512 KiB; empty for
    other chunks.
    """
    if name not in _TEXTS_OF_PNG:
        return b""
    keyword, null, _ = chunk.available(0, _MOST_KEYWORD + 1).partition(b"\0")
    if not null or keyword not in keywords:
        return b""
    body = chunk.available(len(keyword) + 1, _MOST_PROFILE)
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


def _unpack(text: bytes) -> bytes:
    """The bytes that ImageMagick has written as a name, a length and lines of hexadecimal digits; empty for
    other texts.
    """
    matched = _HEX.match(text)
    if matched is None:
        return b""
    digits = b"".join(matched[1].split())
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))


def _exif_of_webp(webp: Span) -> Span | None:
    chunk = _webp_chunk(webp, b"EXIF")
    return None if chunk is None else without_introduction(chunk)


def _webp_chunk(webp: Span, wanted: bytes) -> Span | None:
    """The first chunk of this name."""
    return next((chunk for name, chunk in containers.riff_chunks(webp) if name == wanted), None)


def _exif_of_tiff(whole: Span) -> Span | None:
    return whole


_EXIF: Final[Mapping[str, Callable[[Span], Span | None]]] = {
    "image/jpeg": _exif_of_jpeg,
    "image/png": _exif_of_png,
    "image/webp": _exif_of_webp,
    "image/tiff": _exif_of_tiff,
    "image/heic": heif.exif_block,
    "image/heif": heif.exif_block,
    "image/avif": heif.exif_block,
    **dict.fromkeys(RAWS, _exif_of_tiff),
}


def _xmp_of_jpeg(jpeg: Span) -> bytes | None:
    segment = _application_segment(jpeg, b"http://ns.adobe.com/xap/1.0/\0")
    return None if segment is None else segment.available(0, segment.size)


def _xmp_of_png(png: Span) -> bytes | None:
    for name, chunk in containers.png_chunks(png):
        if text := _png_text(name, chunk, {b"XML:com.adobe.xmp"}):
            return text
        if text := _png_text(name, chunk, _RAW_PROFILES | {b"Raw profile type xmp"}):
            packet = _unpack(text)[:_MOST_XMP]
            if b"x:xmpmeta" in packet or b"rdf:RDF" in packet:
                return packet
    return None


def _xmp_of_webp(webp: Span) -> bytes | None:
    chunk = _webp_chunk(webp, b"XMP ")
    return None if chunk is None else chunk.available(0, _MOST_XMP)


def _xmp_of_tiff(whole: Span) -> bytes | None:
    directory = tiff.first(whole.available)
    place = None if directory is None else directory.span(tiff.XMP)
    return None if place is None else whole.available(place[0], min(place[1], _MOST_XMP))


_XMP: Final[Mapping[str, Callable[[Span], bytes | None]]] = {
    "image/jpeg": _xmp_of_jpeg,
    "image/png": _xmp_of_png,
    "image/webp": _xmp_of_webp,
    "image/tiff": _xmp_of_tiff,
    **dict.fromkeys(RAWS, _xmp_of_tiff),
}
