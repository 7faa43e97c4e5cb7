"""Patches of colour coded for high dynamic range or a wide gamut, as videos and as stills, and the colours
that an sRGB screen must show for them.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import pillow_heif
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from tests.given import pictures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 logs its settings otherwise

Colour = tuple[int, int, int]

PQ, HLG, SRGB, BT2020, P3 = 16, 18, 13, 9, 12  # ITU-T H.273
COLOURED = 0.05  # of chroma in Oklab: colours with less have no visible hue
WIDE, HIGH = 32, 48  # pixels of a patch
_TEN_BITS = "yuv420p10le"

# Codes of 8 bits: grey, skin, orange, red, green, blue, yellow, cyan, purple, white. PQ is the steeper curve.
_CODES: Sequence[Colour] = (
    (148, 148, 148),
    (180, 130, 110),
    (170, 120, 60),
    (160, 60, 60),
    (60, 150, 70),
    (50, 70, 160),
    (190, 180, 60),
    (100, 170, 180),
    (150, 60, 140),
    (191, 191, 191),
)
_CODES_OF_PQ: Sequence[Colour] = (
    (148, 148, 148),
    (150, 132, 118),
    (150, 132, 104),
    (130, 92, 92),
    (98, 128, 102),
    (84, 98, 132),
    (152, 146, 108),
    (106, 136, 146),
    (130, 96, 124),
    (170, 170, 170),
)

# By primaries, transfer and nits of the brightest pixel: what FFmpeg 5.1 of Debian 12 makes of a chart, whose
# pixels it was given as RGB, with
# zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709. `python -m
# bench tones` compares more of it.
SHOWN: Mapping[tuple[int, int, int | None], Sequence[Colour]] = {
    (BT2020, HLG, None): (
        (144, 144, 144),
        (198, 97, 87),
        (186, 94, 32),
        (180, 0, 48),
        (0, 151, 47),
        (0, 65, 161),
        (200, 167, 0),
        (0, 168, 181),
        (167, 0, 133),
        (192, 192, 192),
    ),
    (BT2020, PQ, None): (
        (193, 193, 193),
        (210, 133, 105),
        (211, 133, 75),
        (179, 59, 75),
        (0, 158, 90),
        (0, 91, 166),
        (208, 175, 75),
        (0, 165, 191),
        (177, 68, 141),
        (229, 229, 229),
    ),
    (BT2020, PQ, 400): (
        (219, 219, 219),
        (239, 151, 120),
        (240, 151, 85),
        (204, 67, 86),
        (0, 180, 102),
        (0, 104, 189),
        (236, 199, 85),
        (0, 188, 218),
        (202, 77, 160),
        (255, 255, 255),
    ),
    (P3, HLG, None): (
        (144, 144, 144),
        (186, 109, 91),
        (175, 104, 36),
        (166, 42, 49),
        (0, 148, 52),
        (40, 65, 161),
        (194, 171, 0),
        (49, 164, 181),
        (155, 46, 135),
        (192, 192, 192),
    ),
    (P3, PQ, None): (
        (193, 193, 193),
        (201, 142, 110),
        (201, 142, 79),
        (166, 75, 78),
        (66, 155, 92),
        (63, 91, 166),
        (202, 180, 80),
        (71, 162, 191),
        (166, 82, 144),
        (229, 229, 229),
    ),
}

# zscale=p=bt709 alone.
SHOWN_OF_SDR: Mapping[int, Sequence[Colour]] = {
    BT2020: (
        (148, 148, 148),
        (206, 122, 106),
        (196, 112, 43),
        (196, 20, 56),
        (0, 157, 54),
        (0, 71, 167),
        (201, 179, 0),
        (0, 176, 182),
        (181, 27, 145),
        (191, 191, 191),
    ),
    P3: (
        (148, 148, 148),
        (189, 127, 106),
        (179, 117, 46),
        (173, 50, 56),
        (0, 152, 58),
        (44, 71, 166),
        (192, 180, 12),
        (72, 172, 182),
        (162, 52, 144),
        (191, 191, 191),
    ),
}


def chart(transfer: int) -> Image.Image:
    """Ten patches side by side."""
    picture = Image.new("RGB", (WIDE * len(_CODES), HIGH))
    for number, colour in enumerate(_CODES_OF_PQ if transfer == PQ else _CODES):
        picture.paste(colour, (WIDE * number, 0, WIDE * (number + 1), HIGH))
    return picture


def patches(picture: Image.Image) -> list[Colour]:
    """The average colour of each patch, without its edges."""
    averages, side = list[Colour](), WIDE // 4
    for left in range(0, WIDE * len(_CODES), WIDE):
        inside = (
            picture.convert("RGB")
            .crop((left + side, side, left + WIDE - side, HIGH - side))
            .resize((1, 1), Image.Resampling.BOX)
        )
        red, green, blue = inside.tobytes()
        averages.append((red, green, blue))
    return averages


def differences(seen: Sequence[Colour], right: Sequence[Colour]) -> tuple[int, float]:
    """The largest difference of patches from what they must look like.

    In levels of a channel, and in degrees of hue for patches that have a colour.
    """
    levels = max(
        abs(one - another)
        for here, there in zip(seen, right, strict=True)
        for one, another in zip(here, there, strict=True)
    )
    hues = [
        turned(here, there) for here, there in zip(seen, right, strict=True) if oklab(there)[1] > COLOURED
    ]
    return levels, max(hues)


def turned(one: Colour, another: Colour) -> float:
    """Degrees between the hues of two colours."""
    return abs((oklab(one)[2] - oklab(another)[2] + 180) % 360 - 180)


def oklab(colour: Colour) -> tuple[float, float, float]:
    """Lightness, chroma and hue in degrees of a colour of sRGB (Bjorn Ottosson, "A perceptual color space for
    image processing").
    """
    red, green, blue = (
        level / 255 / 12.92 if level <= 10 else ((level / 255 + 0.055) / 1.055) ** 2.4 for level in colour
    )
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        math.hypot(a, b),
        math.degrees(math.atan2(b, a)),
    )


def video(
    picture: Image.Image,
    primaries: int,
    transfer: int,
    nits: int | None = None,
    *,
    screen: int | None = None,
    codec: str = "libx265",
    pixels: str = _TEN_BITS,
    muxing: Mapping[str, str] | None = None,
) -> bytes:
    """An MP4 of some frames, or a QuickTime file of ProRes, whose frames do not state how they are coded.

    `nits`: of the brightest pixel; `screen`: of the screen on which it was made. x265 writes both beside the
    frames.
    """
    file = io.BytesIO()
    light = f":max-cll={nits},{nits // 2}" if nits else ""
    light += (
        f":master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L({10_000 * screen},50)"
        if screen
        else ""
    )
    options = (
        {"preset": "ultrafast", "x265-params": f"log-level=none:pools=1:crf=8{light}"}
        if codec == "libx265"
        else {"qscale": "2"}
    )
    with av.open(
        file, "w", format="mov" if codec == "prores_ks" else "mp4", options=dict(muxing or {})
    ) as out:
        stream = out.add_stream(codec, rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        _describe(stream, picture, primaries, transfer, pixels)
        for number in range(3):
            out.mux(stream.encode(_frame(picture, number, pixels)))
        out.mux(stream.encode(None))
    return file.getvalue()


def avif(picture: Image.Image, primaries: int, transfer: int) -> bytes:
    """An AVIF of 10 bits, by FFmpeg's writer and SVT-AV1."""
    file = io.BytesIO()
    with av.open(file, "w", format="avif") as out:
        stream = out.add_stream(
            "libsvtav1", rate=1, options={"preset": "8", "crf": "5", "svtav1-params": "lp=1"}
        )
        assert isinstance(stream, av.VideoStream)
        _describe(stream, picture, primaries, transfer, _TEN_BITS)
        out.mux(stream.encode(_frame(picture, 0, _TEN_BITS)))
        out.mux(stream.encode(None))
    return file.getvalue()


def _describe(
    stream: av.VideoStream, picture: Image.Image, primaries: int, transfer: int, pixels: str
) -> None:
    stream.width, stream.height, stream.pix_fmt = *picture.size, pixels
    context = stream.codec_context
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = (
        primaries,
        transfer,
        Colorspace.BT2020,
        ColorRange.MPEG,
    )


def _frame(picture: Image.Image, number: int, pixels: str) -> av.VideoFrame:
    frame: Any = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
    frame = frame.reformat(
        format=pixels,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.BT2020,
        dst_color_range=ColorRange.MPEG,
    )
    frame.pts, frame.time_base = number, Fraction(1, 25)
    made: av.VideoFrame = frame
    return made


def heic(picture: Image.Image, primaries: int, transfer: int) -> bytes:
    """A HEIC of 10 bits."""
    file = io.BytesIO()
    wide = b"".join(struct.pack("<H", 257 * value) for value in picture.tobytes())
    image = pillow_heif.from_bytes(f"{picture.mode};16", picture.size, wide)
    image.save(
        file,
        quality=95,
        color_primaries=primaries,
        transfer_characteristics=transfer,
        matrix_coefficients=Colorspace.BT2020,
    )
    return file.getvalue()


def png(
    picture: Image.Image, primaries: int, transfer: int, nits: int | None = None, *, profile: bytes = b""
) -> bytes:
    """A PNG of 16 bits. `profile`: an ICC profile, which the PNG's numbers override."""
    wide, high = picture.size
    pixels = picture.tobytes()
    rows = b"".join(
        b"\0" + bytes(each for value in pixels[at : at + 3 * wide] for each in (value, value))
        for at in range(0, len(pixels), 3 * wide)
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pictures.chunk(name, body)
        for name, body in (
            (b"IHDR", struct.pack(">IIBBBBB", wide, high, 16, 2, 0, 0, 0)),
            *([(b"iCCP", b"profile\0\0" + zlib.compress(profile))] if profile else []),
            (b"cICP", bytes([primaries, transfer, 0, 1])),
            *([(b"cLLI", struct.pack(">II", 10_000 * nits, 10_000 * nits // 2))] if nits else []),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )
