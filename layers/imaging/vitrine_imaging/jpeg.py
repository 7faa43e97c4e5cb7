"""The frame header of a JPEG (ITU-T T.81, B.2.2): its size, and how it is coded. No pixel is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vitrine import tiff

_MOST_SEGMENTS: Final = 1000  # before the frame; writers put some ten there
_NO_FRAME: Final = frozenset({0xD9, 0xDA})  # the end, or pixels before any frame
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_UNREAD: Final[Mapping[int, str]] = {  # coding processes that libjpeg-turbo, or libvips, does not decode
    0xC3: "lossless JPEG",
    0xCB: "lossless JPEG",
    0xF7: "JPEG-LS",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
}


class Frame(NamedTuple):
    process: int  # the marker: 0xC0 is baseline, 0xC2 progressive
    bits: int  # of each sample
    width: int  # pixels
    height: int
    channels: int

    @property
    def not_supported(self) -> str | None:
        """The name of what the packaged decoder cannot decode; None: it can decode the file."""
        if self.process in _UNREAD:
            return _UNREAD[self.process]
        return None if self.bits == 8 else f"JPEG with {self.bits} bits per sample"


def start_of_frame(read: tiff.Read, at: int = 0, size: int = 1 << 62) -> Frame | None:
    """Return the frame header of the JPEG of at most `size` bytes that begins at `at`; None where there
    is no JPEG, or it ends before its header.
    """
    end = at + size
    if read(at, 2) != b"\xff\xd8":
        return None
    at += 2
    for _ in range(_MOST_SEGMENTS):
        head = read(at, 10)
        if len(head) < 2 or at + 2 > end or head[0] != 0xFF or head[1] in _NO_FRAME:
            return None
        if head[1] == 0xFF:  # fill
            at += 1
        elif head[1] in _ALONE:
            at += 2
        elif len(head) < 10 or at + 10 > end:
            return None
        elif head[1] in _FRAMES:
            return Frame(
                head[1], head[4], int.from_bytes(head[7:9], "big"), int.from_bytes(head[5:7], "big"), head[9]
            )
        else:
            at += 2 + int.from_bytes(head[2:4], "big")
    return None
