"""Pictures of the demo organization, drawn by code and identical on every run.

Each covers a case of its own: a large file, an EXIF orientation, transparency, an animation. They are written
with Pillow; the worker reads them with libvips.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import pi, sin

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

Colour = tuple[int, int, int]
Size = tuple[int, int]

_ORIENTATION = 0x0112  # EXIF


@dataclass(frozen=True, slots=True)
class Picture:
    filename: str
    mime_type: str
    data: bytes


def demo() -> list[Picture]:
    return [_dawn(), _lighthouse(), _dunes(), _night(), _badge(), _tide()]


def _dawn() -> Picture:
    """About 3 MB, as large and as grainy as a photo of a camera."""
    size = 3600, 2400
    picture = _sky(size, (52, 72, 130), (255, 196, 140))
    _sun(picture, (2450, 1330), 190, (255, 236, 190))
    for depth, colour in enumerate(
        ((150, 120, 150), (108, 92, 130), (70, 66, 104), (38, 42, 72), (18, 24, 44))
    ):
        _hills(picture, base=1380 + 210 * depth, height=170 + 25 * depth, colour=colour, seed=depth)
    _sign(picture, "Dawn over the hills", (255, 244, 226))
    return _jpeg("dawn-over-the-hills.jpg", _grained(picture, 0.11), quality=90)


def _lighthouse() -> Picture:
    """Taken with the camera on its side: the pixels are stored rotated, and EXIF orientation 6 shows them
    upright.
    """
    size = 1200, 1600
    picture = _sky(size, (88, 160, 214), (224, 240, 246))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 1180, 1200, 1600), fill=(32, 98, 140))
    for y in range(1200, 1600, 28):
        draw.line([(x, y + 5 * sin(x / 37 + y)) for x in range(0, 1201, 12)], fill=(70, 140, 176), width=3)
    draw.polygon(
        [(300, 1260), (420, 1130), (800, 1110), (960, 1260), (1020, 1600), (240, 1600)], fill=(74, 70, 72)
    )
    for band in range(6):
        top, bottom = 420 + 118 * band, 420 + 118 * (band + 1)
        above, below = 54 + 8 * band, 54 + 8 * (band + 1)  # half the tower's width
        corners = [(620 - above, top), (620 + above, top), (620 + below, bottom), (620 - below, bottom)]
        draw.polygon(corners, fill=(244, 244, 240) if band % 2 else (206, 54, 48))
    draw.rectangle((556, 330, 684, 420), fill=(255, 230, 140), outline=(50, 50, 58), width=10)
    draw.polygon([(540, 330), (700, 330), (620, 250)], fill=(50, 50, 58))
    _sign(picture, "Lighthouse, upright", (255, 255, 255))
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    return _jpeg("lighthouse.jpg", picture.transpose(Image.Transpose.ROTATE_90), quality=88, exif=exif)


def _dunes() -> Picture:
    picture = _sky((1920, 1280), (46, 108, 184), (246, 214, 160))
    _sun(picture, (520, 420), 110, (255, 250, 224))
    for depth, colour in enumerate(((226, 168, 104), (206, 140, 80), (176, 110, 60), (132, 78, 46))):
        _hills(picture, base=760 + 130 * depth, height=120, colour=colour, seed=20 + depth, waves=2)
    _sign(picture, "Dunes", (255, 246, 226))
    return _jpeg("dunes.jpg", picture, quality=86)


def _night() -> Picture:
    picture = _sky((1600, 1000), (6, 8, 28), (44, 40, 96))
    dice = random.Random(7)
    draw = ImageDraw.Draw(picture)
    for _ in range(420):
        x, y, light = dice.randrange(1600), dice.randrange(760), dice.randrange(90, 256)
        radius = dice.choice((0, 0, 0, 1, 1, 2))
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), fill=(light, light, min(255, light + 25))
        )
    _sun(picture, (1260, 240), 90, (236, 236, 220))
    for depth, colour in enumerate(((24, 26, 62), (12, 14, 36))):
        _hills(picture, base=740 + 130 * depth, height=110, colour=colour, seed=40 + depth)
    _sign(picture, "Night", (220, 224, 255))
    return Picture("night.webp", "image/webp", _encoded(picture, "WEBP", quality=82, method=1))


def _badge() -> Picture:
    """A round badge on a transparent background."""
    side = 800
    disc = Image.new("L", (side, side), 0)
    ImageDraw.Draw(disc).ellipse((30, 30, side - 30, side - 30), fill=255)
    picture = _sky((side, side), (30, 120, 130), (120, 206, 170))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((70, 70, side - 70, side - 70), outline=(255, 255, 255), width=10)
    for petal in range(8):
        x, y = 400 + 150 * sin(petal * pi / 4), 360 + 150 * sin(petal * pi / 4 + pi / 2)
        draw.ellipse((x - 75, y - 75, x + 75, y + 75), fill=((255, 206, 92), (255, 160, 84))[petal % 2])
    draw.ellipse((320, 280, 480, 440), fill=(150, 78, 50))
    _sign(picture, "Vitrine", (255, 255, 255), at=0.79)
    picture.putalpha(disc.filter(ImageFilter.GaussianBlur(1.5)))
    return Picture("badge.png", "image/png", _encoded(picture, "PNG", compress_level=3))


def _tide() -> Picture:
    """An animation of eight frames: the tide comes in and goes out."""
    return Picture("tide.gif", "image/gif", _animated([_shore(step / 8) for step in range(8)]))


def _shore(phase: float) -> Image.Image:
    picture = Image.new("RGB", (480, 320), (250, 222, 160))
    draw = ImageDraw.Draw(picture)
    for lag, colour in (
        (0.0, (255, 250, 236)),
        (0.03, (110, 200, 206)),
        (0.1, (54, 152, 190)),
        (0.2, (24, 98, 156)),
    ):
        edge = 200 - 260 * lag + 46 * sin(2 * pi * (phase - lag))
        draw.polygon(
            [(0, 0), *((x, edge + 14 * sin(x / 60 + 9 * lag)) for x in range(0, 481, 8)), (480, 0)],
            fill=colour,
        )
    _sign(picture, "Tide", (120, 84, 50))
    return picture


def _sky(size: Size, top: Colour, bottom: Colour) -> Image.Image:
    return ImageOps.colorize(Image.linear_gradient("L").resize(size), top, bottom)


def _sun(picture: Image.Image, centre: tuple[int, int], radius: int, colour: Colour) -> None:
    """A disc with a glow around it."""
    side = 6 * radius
    glow = (
        ImageOps.invert(Image.radial_gradient("L"))
        .resize((side, side))
        .point([max(0, 2 * v - 255) * 2 // 3 for v in range(256)])
    )
    x, y = centre
    picture.paste(colour, (x - side // 2, y - side // 2, x - side // 2 + side, y - side // 2 + side), glow)
    ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _hills(
    picture: Image.Image, *, base: int, height: int, colour: Colour, seed: int, waves: int = 4
) -> None:
    """A range of hills down to the bottom. Its ridge varies by `height` around `base`."""
    dice = random.Random(seed)
    swings = [
        (dice.uniform(0.6, 1.8) * (n + 1), dice.uniform(0, 2 * pi), 1 / (n + 1.5)) for n in range(waves)
    ]
    width, bottom = picture.size
    ridge = [
        (
            x,
            base
            - height * sum(share * sin(2 * pi * often * x / width + shift) for often, shift, share in swings),
        )
        for x in range(0, width + 16, 8)
    ]
    ImageDraw.Draw(picture).polygon([(0, bottom), *ridge, (width, bottom)], fill=colour)


def _sign(picture: Image.Image, name: str, colour: Colour, *, at: float = 0.9) -> None:
    width, height = picture.size
    size = min(width, height) // 16
    ImageDraw.Draw(picture).text(
        (width / 2, at * height), name, fill=colour, font=ImageFont.load_default(size), anchor="mm"
    )


def _grained(picture: Image.Image, share: float) -> Image.Image:
    tile = Image.frombytes("L", (512, 512), random.Random(1).randbytes(512 * 512))
    width, height = picture.size
    grain = Image.new("L", picture.size)
    for left in range(0, width, 512):
        for top in range(0, height, 512):
            grain.paste(tile, (left, top))
    return Image.blend(picture, Image.merge("RGB", (grain, grain, grain)), share)


def _jpeg(filename: str, picture: Image.Image, **options: object) -> Picture:
    return Picture(filename, "image/jpeg", _encoded(picture, "JPEG", **options))


def _encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def _animated(pictures: Sequence[Image.Image]) -> bytes:
    first, *others = pictures
    return _encoded(first, "GIF", save_all=True, append_images=others, duration=120, loop=0)
