"""The colours of frames derived from HDR videos and stills, compared with those of Debian's ffmpeg with
zscale and the hable tone mapping.
"""

from __future__ import annotations

import colorsys
import io
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pillow_heif
from PIL import Image

from tests.given import charts
from vitrine_imaging.decoder import Decoder, Task
from vitrine_imaging.models import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from vitrine.models.derived import Derived

HUE_ALLOWED = 5.0  # degrees in Oklab, of a patch's mean
CLIPPED_ALLOWED = 0.01  # of coloured pixels: a channel at 255 that ffmpeg leaves below 250
# Of the brightest channel, in eighths. Below three eighths, the differences are mostly the rounding of 10
# bits and of the JPEG.
LEVELS = range(3, 9)
SATURATIONS = (0.2, 0.4, 0.7)
HUES, SIDE = 24, 32  # patches in a row; pixels of a patch

_LINEAR = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=hable:desat=0,zscale=t=bt709{matrix}:r=full,format=gbrp"
)
_TRANSFERS = {charts.PQ: "smpte2084", charts.HLG: "arib-std-b67"}
_PRIMARIES = {charts.BT2020: "bt2020", charts.P3: "smpte432"}
_TOP = {charts.PQ: 0.7518, charts.HLG: 1.0}  # of the codes: 1000 nits in both


def main() -> None:
    """Print for each type of file the hue differences of the patches, and the share of clipped pixels."""
    try:
        version = subprocess.run(
            ["ffmpeg", "-version"], capture_output=True, text=True, check=True
        ).stdout.split()[2]
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"  ffmpeg, which the colours are compared with, cannot be run: {error}") from None
    print(
        f"  ffmpeg {version}; patches with a chroma above {charts.COLOURED},"
        f" {HUE_ALLOWED:.0f} degrees and {CLIPPED_ALLOWED:.0%} allowed"
    )
    print(f"  {'':34} patches   hue: mean     most   lightness: mean   clipped")
    with (
        Decoder() as stills,
        Decoder(module="vitrine_video.child") as videos,
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / "file"
        for primaries in (charts.BT2020, charts.P3):
            for transfer in (charts.HLG, charts.PQ):
                field = _field(transfer)
                name = f"{_PRIMARIES[primaries]} {_TRANSFERS[transfer]}"
                for nits in (None, 4000) if transfer == charts.PQ else (None,):
                    path.write_bytes(charts.video(field, primaries, transfer, nits))
                    _print(
                        f"{name} MP4{f' {nits} nits' if nits else ''}",
                        of_video(videos, path),
                        by_ffmpeg(path),
                    )
                kinds: dict[str, Callable[[Image.Image, int, int], bytes]] = {
                    "AVIF": charts.avif,
                    "HEIC": charts.heic,
                    "PNG": charts.png,
                }
                for kind, written in kinds.items():
                    path.write_bytes(written(field, primaries, transfer))
                    # ffmpeg 5.1 does not read HEIC, nor the colour coding of an AVIF. libheif writes values
                    # that differ by some levels, so ffmpeg gets the pixels that libheif reads.
                    pixels = _deep(path) if kind == "HEIC" else _widened(field)
                    _print(
                        f"{name} {kind}",
                        _opened(stills.derive(path)),
                        _of_pixels(pixels, field.size, primaries, transfer),
                    )


def of_video(decoder: Decoder, path: Path) -> Image.Image:
    """Derive the first frame of an MP4."""
    data = path.read_bytes()
    facts = {
        "mime_type": "video/mp4",
        "size": len(data),
        "frames": 1,
        "max_seconds": 86_400,
        "read_bytes": len(data),
    }
    limits = Limits(max_pixels=36_000_000, wall_seconds=60, memory_bytes=1536 << 20)
    with decoder.begin_task(
        Task(facts, lambda offset, size: data[offset : offset + size]), limits=limits
    ) as decoding:
        return _opened(decoding.result())


def by_ffmpeg(path: Path) -> Image.Image:
    """Convert the first frame of a video by ffmpeg's zscale and hable."""
    filters = _LINEAR.format(matrix=":m=gbr")
    done = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            str(path),
            "-frames:v",
            "1",
            "-vf",
            filters,
            "-c:v",
            "png",
            "-f",
            "image2pipe",
            "-",
        ],
        capture_output=True,
        check=True,
    )
    return Image.open(io.BytesIO(done.stdout)).convert("RGB")


def compare(ours: Image.Image, theirs: Image.Image, side: int = SIDE) -> tuple[list[float], float, float]:
    """Return the hue difference of each coloured patch in degrees, the mean difference of lightness, and the
    share of coloured pixels that only our frame clips.
    """
    degrees, lightness = list[float](), list[float]()
    for top in range(0, ours.height - side + 1, side):
        for left in range(0, ours.width - side + 1, side):
            here, there = (_mean(picture, left, top, side) for picture in (ours, theirs))
            lightness.append(abs(charts.oklab(here)[0] - charts.oklab(there)[0]))
            if charts.oklab(there)[1] > charts.COLOURED:
                degrees.append(charts.turned(here, there))
    coloured = clipped = 0
    mine, other = ours.tobytes(), theirs.tobytes()
    for at in range(0, len(mine), 3 * 7):  # every seventh pixel
        there = other[at], other[at + 1], other[at + 2]
        if charts.oklab(there)[1] > charts.COLOURED:
            coloured += 1
            clipped += any(mine[at + channel] == 255 and there[channel] < 250 for channel in range(3))
    return degrees, sum(lightness) / len(lightness), clipped / max(1, coloured)


def _print(name: str, ours: Image.Image, theirs: Image.Image) -> None:
    degrees, lightness, clipped = compare(ours, theirs)
    verdict = "met" if max(degrees) <= HUE_ALLOWED and clipped < CLIPPED_ALLOWED else "NOT MET"
    print(
        f"  {name:34} {len(degrees):7} {sum(degrees) / len(degrees):8.2f} deg {max(degrees):5.2f} deg"
        f" {lightness:17.4f} {clipped:9.2%}   {verdict}",
        flush=True,
    )


def _field(transfer: int) -> Image.Image:
    """Draw patches of HUES hues in six levels and three saturations, as 8-bit transfer codes."""
    rows = [(level / 8, saturation) for saturation in SATURATIONS for level in LEVELS]
    picture = Image.new("RGB", (HUES * SIDE, len(rows) * SIDE))
    for row, (level, saturation) in enumerate(rows):
        for column in range(HUES):
            red, green, blue = (
                round(255 * _TOP[transfer] * part)
                for part in colorsys.hsv_to_rgb(column / HUES, saturation, level)
            )
            picture.paste(
                (red, green, blue), (column * SIDE, row * SIDE, (column + 1) * SIDE, (row + 1) * SIDE)
            )
    return picture


def _widened(picture: Image.Image) -> bytes:
    """Return the picture as RGB of 16 bits."""
    return bytes(each for value in picture.tobytes() for each in (value, value))


def _deep(path: Path) -> bytes:
    """Return the picture as pillow-heif reads it, as RGB of 16 bits."""
    picture = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)[0]
    data, wide = bytes(picture.data or b""), 6 * picture.size[0]
    return b"".join(
        data[start : start + wide] for start in range(0, picture.stride * picture.size[1], picture.stride)
    )


def _of_pixels(pixels: bytes, size: tuple[int, int], primaries: int, transfer: int) -> Image.Image:
    """Convert RGB of 16 bits by ffmpeg."""
    planes = b"".join(
        bytes(each for at in range(2 * channel, len(pixels), 6) for each in pixels[at : at + 2])
        for channel in (1, 2, 0)
    )
    coded = [
        "-color_primaries",
        _PRIMARIES[primaries],
        "-color_trc",
        _TRANSFERS[transfer],
        "-colorspace",
        "rgb",
        "-color_range",
        "pc",
    ]
    filters = _LINEAR.format(matrix="")
    done = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "gbrp16le",
            "-s",
            f"{size[0]}x{size[1]}",
            *coded,
            "-i",
            "-",
            "-vf",
            filters,
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-",
        ],
        input=planes,
        capture_output=True,
        check=True,
    )
    return Image.frombytes("RGB", size, done.stdout)


def _mean(picture: Image.Image, left: int, top: int, side: int) -> charts.Colour:
    edge = side // 4
    box = (left + edge, top + edge, left + side - edge, top + side - edge)
    red, green, blue = picture.crop(box).resize((1, 1), Image.Resampling.BOX).tobytes()
    return red, green, blue


def _opened(derived: Derived) -> Image.Image:
    return Image.open(io.BytesIO(derived.frames[0].picture.data)).convert("RGB")
