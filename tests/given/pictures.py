"""Pictures for tests, made by code: equal seeds make equal bytes.

They are written with Pillow and by hand, never with the library that reads them. `stills.py` has every
format.
"""

import random
import struct
import zlib
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]

RED: Colour = (220, 30, 30)
GREEN: Colour = (30, 170, 60)
BLUE: Colour = (30, 60, 210)
YELLOW: Colour = (235, 215, 40)
# left and right above, left and right below, once upright
CORNERS: tuple[Colour, Colour, Colour, Colour] = (RED, GREEN, BLUE, YELLOW)

_ORIENTATION = 0x0112

# Numbers of damaged stills in `make test` and in `make soak` (damaged videos are the rest of 300 and 10,000),
# and their first seed.
FUZZ_QUICK, FUZZ_LONG, FUZZ_SEED = 240, 8_000, 0


def jpeg(
    width: int = 640,
    height: int = 480,
    *,
    seed: int = 0,
    orientation: int | None = None,
    quality: int = 85,
    mode: str = "RGB",
    progressive: bool = False,
) -> bytes:
    """A JPEG whose stored pixels are `width` x `height`. `mode`: RGB, L or CMYK.

    `orientation` is written into its EXIF; the pixels are not turned.
    """
    return _encode(
        scene(width, height, seed).convert(mode),
        "JPEG",
        orientation,
        quality=quality,
        progressive=progressive,
    )


def png(
    width: int = 640, height: int = 480, *, seed: int = 0, orientation: int | None = None, alpha: bool = False
) -> bytes:
    """A PNG; with `alpha`, its middle is transparent."""
    picture = scene(width, height, seed)
    return _encode(with_hole(picture) if alpha else picture, "PNG", orientation, compress_level=1)


def webp(
    width: int = 640,
    height: int = 480,
    *,
    seed: int = 0,
    orientation: int | None = None,
    alpha: bool = False,
    lossless: bool = False,
) -> bytes:
    picture = scene(width, height, seed)
    return _encode(
        with_hole(picture) if alpha else picture, "WEBP", orientation, quality=90, method=0, lossless=lossless
    )


def gif(width: int = 320, height: int = 240, *, frames: int = 1) -> bytes:
    """A GIF, animated with more than one frame: the first is red, the others are blue and green by turns."""
    colours = [RED, *((BLUE, GREEN)[n % 2] for n in range(frames - 1))]
    first, *others = (Image.new("RGB", (width, height), colour) for colour in colours)
    file = BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=80, loop=0)
    return file.getvalue()


def animated_webp(width: int = 320, height: int = 240) -> bytes:
    first, *others = (Image.new("RGB", (width, height), colour) for colour in (RED, BLUE, GREEN))
    file = BytesIO()
    first.save(file, "WEBP", save_all=True, append_images=others, duration=80, loop=0, method=0)
    return file.getvalue()


def quarters(width: int, height: int) -> Image.Image:
    """Four flat colours, `CORNERS`, as they look once upright."""
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    for colour, left, top in zip(
        CORNERS, (0, width // 2, 0, width // 2), (0, 0, height // 2, height // 2), strict=True
    ):
        draw.rectangle((left, top, left + width, top + height), fill=colour)
    return picture


# How a camera stores an upright picture for each tag: the inverse of what the tag demands.
_STORED: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned(kind: str, orientation: int, *, width: int = 320, height: int = 200) -> bytes:
    """`quarters(width, height)` as a turned camera stores it: once turned by the tag, it looks like
    `quarters` again.
    """
    exactly: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "PNG": {},
        "WEBP": {"lossless": True},
    }
    return _encode(stored(quarters(width, height), orientation), kind, orientation, **exactly[kind])


def stored(upright: Image.Image, orientation: int) -> Image.Image:
    """The pixels that become `upright` when they are turned by the tag."""
    return upright.transpose(_STORED[orientation]) if orientation in _STORED else upright


def photo(megabytes: float, *, seed: int = 0, orientation: int | None = None) -> bytes:
    """A JPEG of about that size, with grain like a camera's."""
    pixels = megabytes * 1e6 / 0.273  # bytes per pixel at this grain and quality, measured
    width = round((pixels * 1.5) ** 0.5)
    height = round(width / 1.5)
    tile = Image.frombytes("L", (512, 512), random.Random(seed).randbytes(512 * 512))
    grain = Image.new("L", (width, height))
    for left in range(0, width, 512):
        for top in range(0, height, 512):
            grain.paste(tile, (left, top))
    return _encode(
        Image.blend(scene(width, height, seed), grain.convert("RGB"), 0.12), "JPEG", orientation, quality=85
    )


def noise_png(path: Path, *, megabytes: float, seed: int = 0) -> Path:
    """A PNG of about that size at `path`, its pixels noise and its rows stored without compression: the
    cheapest large picture to write.
    """
    width = 4000
    height = max(1, round(megabytes * 1e6 / (3 * width)))
    noise = random.Random(seed).randbytes(3 * width * 64)
    packer = zlib.compressobj(0)
    with path.open("wb") as file:
        file.write(_SIGNATURE + _header(width, height))
        for top in range(0, height, 64):
            rows = b"".join(
                b"\0" + noise[3 * width * n : 3 * width * (n + 1)] for n in range(min(64, height - top))
            )
            file.write(chunk(b"IDAT", packer.compress(rows)))
        file.write(chunk(b"IDAT", packer.flush()) + chunk(b"IEND", b""))
    return path


def deep_png(width: int = 300, height: int = 200) -> bytes:
    """A PNG of 16 bits per channel: a ramp from black to white."""
    row = b"\0" + b"".join(struct.pack(">HHH", *(3 * [round(65535 * x / (width - 1))])) for x in range(width))
    return (
        _SIGNATURE
        + _header(width, height, depth=16)
        + chunk(b"IDAT", zlib.compress(row * height, 1))
        + chunk(b"IEND", b"")
    )


def bomb_png(side: int = 50_000) -> bytes:
    """A PNG bomb: one bit per pixel, all black; some hundred kilobytes that expand to gigabytes."""
    return (
        _SIGNATURE
        + _header(side, side, depth=1, colour=0)
        + chunk(b"IDAT", zeros(1 + (side + 7) // 8, side))
        + chunk(b"IEND", b"")
    )


def png_of(width: int, height: int, packed: bytes, *, interlaced: bool = False) -> bytes:
    """A PNG of 8 bits per channel, of these deflated rows."""
    return (
        _SIGNATURE
        + _header(width, height, interlaced=interlaced)
        + chunk(b"IDAT", packed)
        + chunk(b"IEND", b"")
    )


def interlaced_png(side: int = 30_000, *, rows: int = 2000) -> bytes:
    """An interlaced PNG, which must be in memory as a whole before it can be shown: 2.7 GB at 30,000 pixels.

    It is black as far as its `rows` reach.
    """
    # + 1: an interlaced picture has more rows, and shorter ones
    pixels = zeros(1 + 3 * side, min(side + 1, rows))
    return _SIGNATURE + _header(side, side, interlaced=True) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def claiming_png(side: int = 1_000_000) -> bytes:
    """A PNG's header with a false size, and next to nothing after it."""
    return _SIGNATURE + _header(side, side) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def truncated(whole: bytes, *, share: float = 0.5) -> bytes:
    return whole[: int(len(whole) * share)]


def polyglot(*, seed: int = 0) -> bytes:
    """A JPEG and a page of HTML at once: the page is both in a comment segment and after the end."""
    page = b"<html><script>alert('polyglot')</script></html>"
    whole = jpeg(320, 240, seed=seed)
    return whole[:2] + b"\xff\xfe" + struct.pack(">H", len(page) + 2) + page + whole[2:] + page


def late_header(*, kilobytes: int = 200, seed: int = 0) -> bytes:
    """A JPEG whose dimensions come only after that many kilobytes of application segments."""
    whole = jpeg(320, 240, seed=seed)
    filler = b"\xff\xeb" + struct.pack(">H", 32_770) + bytes(32_768)
    return whole[:2] + filler * (kilobytes // 32 + 1) + whole[2:]


def mutated(whole: bytes, *, seed: int) -> bytes:
    """The bytes with some changed, cut out, doubled, or cut off, as `seed` decides."""
    dice = random.Random(seed)
    bytes_ = bytearray(whole)
    for _ in range(dice.choice((1, 4, 32))):
        at = int(len(bytes_) * dice.random() ** 2)  # in headers more often than in pixels
        if dice.random() < 0.7:
            bytes_[at : at + 1] = bytes([dice.randrange(256)])
        elif dice.random() < 0.5:
            del bytes_[at : at + dice.randrange(1, 64)]
        else:
            bytes_[at:at] = bytes_[at : at + dice.randrange(1, 64)]
    if dice.random() < 0.2:
        del bytes_[int(len(bytes_) * dice.random()) :]
    return bytes(bytes_)


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """Some coloured shapes over a gradient."""
    dice = random.Random(seed)
    across, down = (
        Image.linear_gradient("L").rotate(90).resize((width, height)),
        Image.linear_gradient("L").resize((width, height)),
    )
    picture = Image.merge("RGB", (across, down, Image.new("L", (width, height), dice.randrange(256))))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, size = (
            dice.randrange(width),
            dice.randrange(height),
            dice.randrange(1, max(2, min(width, height) // 3)),
        )
        draw.ellipse(
            (x - size, y - size, x + size, y + size),
            fill=(dice.randrange(256), dice.randrange(256), dice.randrange(256)),
        )
    return picture


def with_hole(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    opacity = Image.new("L", picture.size, 255)
    ImageDraw.Draw(opacity).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill=0)
    picture.putalpha(opacity)
    return picture


def _encode(picture: Image.Image, kind: str, orientation: int | None, **options: object) -> bytes:
    file = BytesIO()
    if orientation is not None:
        exif = Image.Exif()
        exif[_ORIENTATION] = orientation
        options["exif"] = exif
    picture.save(file, kind, **options)
    return file.getvalue()


def zeros(row: int, rows: int) -> bytes:
    """`row` x `rows` zero bytes in zlib's format: one compressed row, which refers to nothing before it,
    repeated.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(row)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = row * rows % 65521 << 16 | 1  # Adler-32 of zeros
    return b"\x78\x9c" + packed * rows + b"\x03\0" + struct.pack(">I", checksum)


_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunks(whole: bytes, *chunks: tuple[bytes, bytes], behind: bool = False) -> bytes:
    """The PNG with these chunks, by name and content, behind its header, or behind its pixels."""
    at = len(whole) - 12 if behind else 33
    return whole[:at] + b"".join(chunk(*each) for each in chunks) + whole[at:]


def box(name: bytes, body: bytes) -> bytes:
    """A box of ISO 14496-12."""
    return struct.pack(">I", 8 + len(body)) + name + body


def _header(width: int, height: int, *, depth: int = 8, colour: int = 2, interlaced: bool = False) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
