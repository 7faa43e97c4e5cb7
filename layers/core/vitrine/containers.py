"""The containers of picture files: JPEG segments, PNG chunks, RIFF chunks and ISO boxes. (TIFF: `tiff.py`.)

The functions read a whole file or only its first kilobytes in the same way. Nothing that a file contains
makes them read without end: each yields at most `MOST_PIECES` pieces, and no piece reaches beyond the one
around it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

# (offset, size) -> so many bytes, or fewer where the file, or the part of it that is available, ends.
Read = Callable[[int, int], bytes]
ByteOrder = Literal["big", "little"]

# Pieces of one container: as many as JPEG segments, the smallest pieces, fit into the 64 KiB that
# `content.sniff` reads.
MOST_PIECES: Final = 16_384
_MOST_STRAY: Final = 64 * 1024  # bytes between the segments of a JPEG
_STRAY_BLOCK: Final = 4096  # bytes of them that are read at once

JPEG_START: Final = b"\xff\xd8"
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# Introduces EXIF in a JPEG's segment. Some writers put these bytes into other containers as well.
EXIF_INTRODUCTION: Final = b"Exif\0\0"

# JPEG markers (ITU-T T.81, table B.1).
APP1: Final = 0xE1
FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame, by coding process
_WITHOUT_SEGMENT: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
_LAST: Final = frozenset({0xD9, 0xDA})  # end of image, start of scan: no header follows
_MARKER: Final = re.compile(rb"\xff[^\xff]", re.DOTALL)


class Truncated(Exception):
    """The bytes end, or make no sense, before the value that was asked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file. Offsets count from its beginning, and nothing outside it is read."""

    source: Read
    start: int  # in the file
    size: int  # bytes

    def available(self, at: int, size: int) -> bytes:
        """The bytes from `at` on, at most `size` of them: fewer, or none, where the part or the file ends."""
        size = min(size, self.size - at)
        return self.source(self.start + at, size) if at >= 0 and size > 0 else b""

    def read(self, at: int, size: int) -> bytes:
        """Exactly `size` bytes. Raises Truncated."""
        piece = self.available(at, size)
        if len(piece) < size:
            raise Truncated
        return piece

    def number(self, at: int, size: int, order: ByteOrder = "big") -> int:
        """The unsigned integer of `size` bytes. Raises Truncated."""
        return int.from_bytes(self.read(at, size), order)

    def part(self, at: int, size: int | None = None) -> Span:
        """The bytes from `at` on: `size` of them, or as many as there are. Raises Truncated if `at` lies
        outside.
        """
        rest = self.size - at
        if at < 0 or rest < 0:
            raise Truncated
        return Span(self.source, self.start + at, rest if size is None else max(0, min(size, rest)))


def bytes_span(data: bytes) -> Span:
    """The bytes as a file of their own."""
    return Span(lambda at, size: data[at : at + size], 0, len(data))


def file_span(file: BinaryIO) -> Span:
    """The whole file, which stays open for as long as the span is used. Reading moves the file's position."""

    def read(at: int, size: int) -> bytes:
        file.seek(at)
        return file.read(size)

    return Span(read, 0, file.seek(0, os.SEEK_END))


def jpeg_segments(jpeg: Span) -> Iterator[tuple[int, Span]]:
    """Marker (0xC0 for FFC0) and content of each segment before the pixels (ITU-T T.81, B.1).

    Bytes between segments are skipped, as libjpeg does; at most 64 KiB of them.
    """
    at, stray = 2, 0
    for _ in range(MOST_PIECES):
        head = jpeg.available(at, 4)
        if _MARKER.match(head) is None:  # fill bytes (FF), or bytes that belong to no segment
            block = jpeg.available(at, _STRAY_BLOCK)
            marker = _MARKER.search(block)
            skipped = marker.start() if marker is not None else len(block) - block.endswith(b"\xff")
            stray += skipped
            if not skipped or stray > _MOST_STRAY:
                return
            at += skipped
        elif head[1] in _WITHOUT_SEGMENT:
            at += 2
        elif head[1] in _LAST or len(head) < 4:
            return
        else:
            length = int.from_bytes(head[2:4], "big")  # with its own two bytes
            if at + 4 <= jpeg.size:
                yield head[1], jpeg.part(at + 4, length - 2)
            at += 2 + length


def png_chunks(png: Span) -> Iterator[tuple[bytes, Span]]:
    """Name and content of each chunk (PNG, third edition, 5.3), those behind the pixels included."""
    at = len(PNG_SIGNATURE)
    for _ in range(MOST_PIECES):
        head = png.available(at, 8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[:4], "big")
        yield head[4:], png.part(at + 8, size)
        at += 12 + size


def riff_chunks(riff: Span) -> Iterator[tuple[bytes, Span]]:
    """Name and content of each chunk of a RIFF file, such as WebP (RFC 9649, 2.3)."""
    at = 12
    for _ in range(MOST_PIECES):
        head = riff.available(at, 8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], "little")
        yield head[:4], riff.part(at + 8, size)
        at += 8 + size + size % 2


def iso_boxes(within: Span) -> Iterator[tuple[bytes, Span]]:
    """Name and content of each box in a file or in another box (ISO 14496-12, 4.2).

    Raises Truncated where the bytes end within a box's 64-bit size.
    """
    at = 0
    for _ in range(MOST_PIECES):
        head = within.available(at, 8)
        if len(head) < 8:
            return
        size, header = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, header = within.number(at + 8, 8), 16
        size = size or within.size - at  # 0: to the end
        if size < header:
            return
        yield head[4:], within.part(at + header, size - header)
        at += size


def without_introduction(block: Span) -> Span:
    """The EXIF block without `EXIF_INTRODUCTION`, if it begins with these bytes."""
    introduced = block.available(0, len(EXIF_INTRODUCTION)) == EXIF_INTRODUCTION
    return block.part(len(EXIF_INTRODUCTION)) if introduced else block
