"""The frame header of a JPEG (ITU-T T.81, B.2.2): its size, and how it is coded. No pixel is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from vitrine.containers import FRAME_MARKERS, JPEG_START, jpeg_segments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vitrine.containers import Span

_JPEG_LS: Final = 0xF7
_FRAMES: Final = FRAME_MARKERS | {_JPEG_LS}
# Coding processes that libjpeg-turbo or libvips does not decode: the frame header's marker -> their name.
_UNSUPPORTED_PROCESSES: Final[Mapping[int, str]] = {
    0xC3: "lossless JPEG",
    0xCB: "lossless JPEG",
    _JPEG_LS: "JPEG-LS",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
}


class FrameHeader(NamedTuple):
    """What a JPEG states about its picture."""

    process: int  # the marker: 0xC0 is baseline, 0xC2 progressive
    bits: int  # of each sample
    width: int  # pixels
    height: int
    channels: int

    @property
    def not_supported(self) -> str | None:
        """The name of what the packaged decoder cannot decode; None: it can decode the file."""
        if self.process in _UNSUPPORTED_PROCESSES:
            return _UNSUPPORTED_PROCESSES[self.process]
        return None if self.bits == 8 else f"JPEG with {self.bits} bits per sample"


def read_frame_header(jpeg: Span) -> FrameHeader | None:
    """The frame header of the JPEG; None where the bytes are no JPEG, or end before its header."""
    if jpeg.available(0, 2) != JPEG_START:
        return None
    frame = next((each for each in jpeg_segments(jpeg) if each[0] in _FRAMES), None)
    if frame is None:
        return None
    marker, segment = frame
    header = segment.available(0, 6)
    if len(header) < 6:
        return None
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    return FrameHeader(marker, header[0], width, height, header[5])
