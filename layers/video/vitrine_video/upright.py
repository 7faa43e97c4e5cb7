"""A frame of a video as it is shown: turned as its container states, in square pixels, in 8 bits of sRGB.

Also a tiny grey version of it, by which frames are compared.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import pyvips
from av.sidedata import sidedata
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from vitrine.colours import Colours
from vitrine_imaging import tones

_GLANCE: Final = 24  # pixels
_BLACK: Final = 24  # levels of grey, on average; and no pixel much more
_ALIKE: Final = 5.0  # levels of grey by which two frames that look the same differ at most, on average
# A stated ratio of a pixel's width to its height counts as 1 when it is larger than this, or smaller than its
# reciprocal.
_MOST_PIXEL_RATIO: Final = 8.0

# Matrices that FFmpeg's scaler knows (ITU-T H.273): RGB, BT.709, FCC, BT.601 twice, SMPTE 240M, BT.2020. A
# frame that names another is converted as one that names none, because the scaler would reject it.
_MATRICES: Final = frozenset({0, 1, 4, 5, 6, 7, 9})
_reformatter: Final = VideoReformatter()
_small: Final = VideoReformatter()


@dataclass(frozen=True, slots=True)
class Glance:
    """A frame in a few pixels of grey."""

    pixels: bytes

    @property
    def is_black(self) -> bool:
        """Whether nearly nothing is in the frame."""
        return sum(self.pixels) < _BLACK * len(self.pixels) and max(self.pixels) < 3 * _BLACK

    def differs(self, other: "Glance") -> bool:
        """Whether the two frames look different."""
        return sum(
            abs(one - another) for one, another in zip(self.pixels, other.pixels, strict=True)
        ) > _ALIKE * len(self.pixels)


def glance(frame: VideoFrame) -> Glance:
    """The frame in a few pixels of grey."""
    small = _small.reformat(
        frame,
        _GLANCE,
        _GLANCE,
        "rgb24",
        src_colorspace=_colorspace(frame),
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.AREA,
        threads=1,
    )
    return Glance(_rows(small)[1::3])  # green is most of the grey


def size_shown(frame: VideoFrame, pixel_width: float) -> tuple[int, int]:
    """Width and height in pixels of the whole frame as it is shown. `pixel_width`: the width of a stored
    pixel, in heights.
    """
    width, height = _squared(frame, pixel_width)
    return (height, width) if _turn(frame)[0] else (width, height)


def upright(frame: VideoFrame, pixel_width: float, edge: int) -> pyvips.Image:
    """The frame as it is shown, its long edge at most `edge` pixels. `pixel_width`: the width of a stored
    pixel, in heights.
    """
    width, height = _squared(frame, pixel_width)
    scale = min(1.0, edge / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    colours = Colours(frame.color_primaries, frame.color_trc, _brightest(frame))
    other = tones.differ(colours)
    small = _reformatter.reformat(
        frame,
        width,
        height,
        "rgb48le" if other else "rgb24",
        src_colorspace=_colorspace(frame),
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC,
        threads=1,
    )
    image = pyvips.Image.new_from_memory(_rows(small), width, height, 3, "ushort" if other else "uchar")
    image = tones.to_srgb(image, colours) if other else image.copy(interpretation="srgb")
    swapped, left_right, top_bottom = _turn(frame)
    if swapped:
        image = image.rot90().fliphor()
    if left_right:
        image = image.fliphor()
    if top_bottom:
        image = image.flipver()
    return image.copy_memory()


def _colorspace(frame: VideoFrame) -> int | None:
    """The matrix that players assume where the frame names none; None where it names one."""
    if frame.colorspace in _MATRICES:
        return None
    if tones.is_high_range(frame.color_trc):
        return Colorspace.BT2020
    return Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601


def _squared(frame: VideoFrame, pixel_width: float) -> tuple[int, int]:
    """Width and height in square pixels: the width is scaled, the height is as stored."""
    return max(
        1,
        round(
            frame.width * (pixel_width if 1 / _MOST_PIXEL_RATIO <= pixel_width <= _MOST_PIXEL_RATIO else 1.0)
        ),
    ), frame.height


def _turn(frame: VideoFrame) -> tuple[bool, bool, bool]:
    """Whether rows become columns, then whether left and right, and top and bottom, change places when the
    frame is shown.

    By the display matrix (ISO 14496-12, 6.2.2), which cameras set to quarter turns and mirror images. For
    another angle the nearest of these is used.
    """
    matrix = _side(frame, sidedata.Type.DISPLAYMATRIX)
    if len(matrix) < 36:
        return False, False, False
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])  # x' = ax + cy, y' = bx + dy
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, c < 0, b < 0
    return False, a < 0, d < 0


def _brightest(frame: VideoFrame) -> float | None:
    """Nits of the video's brightest pixel, or else of the screen on which it was made, as in FFmpeg's tonemap
    filter.
    """
    light = _side(frame, sidedata.Type.CONTENT_LIGHT_LEVEL)  # AVContentLightMetadata
    # AVMasteringDisplayMetadata: ten fractions, and which of them are known
    screen = _side(frame, sidedata.Type.MASTERING_DISPLAY_METADATA)
    if len(light) >= 4 and any(light[:4]):
        return float(struct.unpack_from("=I", light)[0])
    if len(screen) >= 88:
        above, below, _, known = struct.unpack_from("=4i", screen, 72)
        if known and above > 0 and below > 0:
            return float(above / below)
    return None


def _side(frame: VideoFrame, kind: sidedata.Type) -> bytes:
    """A frame's side data of this kind; empty where it has none."""
    sides = cast("Mapping[Any, Any]", frame.side_data)  # PyAV 18's own types know only one kind of key
    return bytes(sides[kind]) if kind in sides else b""


def _name_unknown(_: type[sidedata.Type], value: object) -> sidedata.Type | None:
    """A member for a kind of side data that PyAV does not know.

    Without it, `frame.side_data` raises ValueError for the other kinds too.
    """
    if not isinstance(value, int):
        return None
    member: Any = object.__new__(sidedata.Type)
    member._name_, member._value_ = f"UNKNOWN_{value}", value
    unknown: sidedata.Type = member
    return unknown


if "_missing_" not in vars(sidedata.Type):  # PyAV 19 has this itself; Python 3.11 has no PyAV 19
    sidedata.Type._missing_ = classmethod(_name_unknown)  # type: ignore[method-assign, assignment]


def _rows(frame: VideoFrame) -> bytes:
    """The frame's pixels, without the padding of its rows."""
    [plane] = frame.planes
    data, wide = memoryview(plane), frame.width * (6 if frame.format.name == "rgb48le" else 3)
    if plane.line_size == wide:
        return bytes(data[: wide * frame.height])
    return b"".join(
        data[start : start + wide] for start in range(0, plane.line_size * frame.height, plane.line_size)
    )
