"""Every format of stills, made by code with the same bytes each time: turned, coloured, deep, animated, cut,
with false headers.

No file is written by the codec that reads it. Pillow writes what libvips reads. BMP, which Pillow reads, is
written by hand. HEIC has one writer and one reader in Python, pillow-heif, but two codecs: x265 writes,
libde265 reads. AVIF sequences are read by Pillow, which writes them too: aom encodes and dav1d decodes, the
container is libavif's both times. Their orientation is added by hand, because Pillow 13.0.0 sometimes crashes
when it writes a turned sequence.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pillow_heif
from PIL import Image, ImageChops, ImageCms

from tests.given import pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ORIENTATION = 0x0112
_POSITIONING = 0x0213  # YCbCrPositioning: also a SHORT; its tag can be replaced by the orientation's
DESCRIPTION = "a description that stays behind"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# what is stored red is shown green
SWAPPED = PROFILE.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
LOSSLESS: Mapping[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "method": 0},
    "AVIF": {"quality": 90, "speed": 10},
    "TIFF": {"compression": "tiff_lzw"},
}


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture, encoded by Pillow, or by pillow-heif as a HEIC."""
    file = BytesIO()
    if kind == "HEIC":
        pillow_heif.from_pillow(picture).save(
            file, **{"quality": 90, "enc_params": {"preset": "ultrafast"}} | options
        )
    elif kind == "AVIS":
        others = [picture.transpose(Image.Transpose.ROTATE_180)] * 2
        picture.save(file, "AVIF", save_all=True, append_images=others, **LOSSLESS["AVIF"] | options)
    else:
        picture.save(file, kind, **LOSSLESS.get(kind, {}) | options)
    return file.getvalue()


def exif(**tags: int) -> bytes:
    block = Image.Exif()
    block[0x010E] = DESCRIPTION
    for name, value in tags.items():
        block[{"orientation": _ORIENTATION, "positioning": _POSITIONING}[name]] = value
    return block.tobytes()


TURNING = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "AVIS", "HEIC")  # formats that can state an orientation


def turned(kind: str, orientation: int, *, width: int = 64, height: int = 40, **options: Any) -> bytes:
    """`quarters` as a camera stores it with this orientation, with a description and a colour profile."""
    stored = pictures.stored(pictures.quarters(width, height), orientation)
    if kind == "AVIS":
        return _turned_sequence(encoded(stored, kind, icc_profile=PROFILE), orientation)
    return encoded(stored, kind, exif=exif(orientation=orientation), icc_profile=PROFILE, **options)


_BOXES = {  # by EXIF's orientation: quarters against the clock, then the axis of the mirror
    1: b"",
    2: b"imir\1",
    3: b"irot\2",
    4: b"imir\0",
    5: b"irot\1imir\0",
    6: b"irot\3",
    7: b"irot\3imir\0",
    8: b"irot\1",
}


def _turned_sequence(whole: bytes, orientation: int) -> bytes:
    """The sequence with `irot` and `imir` at the end of the track's only sample entry.

    The sizes of all boxes around them grow, and offsets to what lies behind them are moved.
    """
    words = _BOXES[orientation]
    boxes = b"".join(struct.pack(">I", 9) + words[at : at + 5] for at in range(0, len(words), 5))
    edited, at = bytearray(whole), 0
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"av01"):
        at = whole.index(name, at)
        edited[at - 4 : at] = struct.pack(">I", struct.unpack(">I", whole[at - 4 : at])[0] + len(boxes))
    chunks = whole.index(b"stco")
    for entry in range(
        chunks + 12, chunks + 12 + 4 * struct.unpack(">I", whole[chunks + 8 : chunks + 12])[0], 4
    ):
        edited[entry : entry + 4] = struct.pack(
            ">I", struct.unpack(">I", whole[entry : entry + 4])[0] + len(boxes)
        )
    end = at - 4 + struct.unpack(">I", whole[at - 4 : at])[0]
    return bytes(edited[:end]) + boxes + bytes(edited[end:])


def contradicted(kind: str) -> bytes:
    """An AVIF or HEIC whose EXIF states an orientation, while its boxes do not."""
    whole = encoded(pictures.quarters(64, 40), kind, exif=exif(positioning=6))
    positioning = struct.pack(">HHIH", _POSITIONING, 3, 1, 6)
    orientation = struct.pack(">HHIH", _ORIENTATION, 3, 1, 6)
    assert whole.count(positioning) == 1
    return whole.replace(positioning, orientation)


def in_display_p3() -> bytes:
    """An AVIF that states its primaries, Display P3's, by number."""
    whole = encoded(pictures.quarters(64, 40), "AVIF")
    at = whole.index(b"colrnclx") + 8
    return whole[:at] + struct.pack(">H", 12) + whole[at + 2 :]


def bmp(picture: Image.Image, *, from_the_top: bool = False, bits: int = 24) -> bytes:
    """A BMP of 24 or 32 bits per pixel, its rows from the bottom unless `from_the_top`."""
    width, height = picture.size
    raw = picture.convert("RGB").tobytes("raw", "BGR" if bits == 24 else "BGRX")
    step = width * bits // 8
    rows = [raw[at : at + step].ljust(-(-step // 4) * 4, b"\0") for at in range(0, len(raw), step)]
    pixels = b"".join(rows if from_the_top else reversed(rows))
    header = struct.pack(
        "<IiiHHIIiiII",
        40,
        width,
        -height if from_the_top else height,
        1,
        bits,
        0,
        len(pixels),
        2835,
        2835,
        0,
        0,
    )
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + header + pixels


def ycck() -> bytes:
    """A JPEG of four inks whose first three are stored as light and colour, as Photoshop writes it.

    Pillow writes the stored values as if they were inks.
    """
    *inks, black = pictures.quarters(64, 40).convert("CMYK").split()
    light = Image.merge("RGB", inks).convert("YCbCr").split()
    stored = Image.merge("CMYK", (*(ImageChops.invert(each) for each in light), black))
    whole = encoded(stored, "JPEG", quality=100)
    at = whole.index(b"Adobe") + 11  # the marker's last byte: how the colours are transformed
    return whole[:at] + b"\x02" + whole[at + 1 :]


def deep_heic(width: int = 64, height: int = 40) -> bytes:
    """A HEIC of 10 bits per channel."""
    wide = b"".join(struct.pack("<H", 257 * value) for value in pictures.quarters(width, height).tobytes())
    file = BytesIO()
    pillow_heif.from_bytes("RGB;16", (width, height), wide).save(file, quality=90)
    return file.getvalue()


def apng(pictures_in_it: int, *, width: int = 64, height: int = 40, **options: Any) -> bytes:
    first, *others = (pictures.quarters(width, height).rotate(90 * n) for n in range(min(pictures_in_it, 2)))
    whole = encoded(first, "PNG", save_all=True, append_images=others, **options)
    at = whole.index(b"acTL")
    return whole[: at - 4] + pictures.chunk(b"acTL", struct.pack(">II", pictures_in_it, 0)) + whole[at + 16 :]


UPRIGHT: Mapping[str, Callable[[], bytes]] = {
    "progressive JPEG": lambda: encoded(pictures.quarters(64, 40), "JPEG", progressive=True),
    "CMYK JPEG": lambda: encoded(pictures.quarters(64, 40).convert("CMYK"), "JPEG"),
    "YCCK JPEG": ycck,
    "palette PNG": lambda: encoded(pictures.quarters(64, 40).quantize(16), "PNG"),
    "interlaced PNG": lambda: interlaced_quarters(),
    "APNG": lambda: apng(2),
    "GIF": lambda: encoded(pictures.quarters(64, 40), "GIF"),
    "animated GIF": lambda: moving("GIF"),
    "animated WebP": lambda: moving("WEBP", lossless=True, method=0),
    "uncompressed TIFF": lambda: encoded(pictures.quarters(64, 40), "TIFF", compression="raw"),
    "deflated TIFF": lambda: encoded(pictures.quarters(64, 40), "TIFF", compression="tiff_adobe_deflate"),
    "TIFF with a JPEG in it": lambda: encoded(
        pictures.quarters(64, 40), "TIFF", compression="jpeg", quality=95
    ),
    "16-bit TIFF": lambda: tiff(
        64,
        40,
        b"".join(struct.pack("<H", 257 * value) for value in pictures.quarters(64, 40).tobytes()),
        bits=16,
    ),
    "CMYK TIFF": lambda: encoded(pictures.quarters(64, 40).convert("CMYK"), "TIFF"),
    "BigTIFF": lambda: encoded(pictures.quarters(64, 40), "TIFF", big_tiff=True),
    "TIFF of several pages": lambda: moving("TIFF"),
    "AVIF whose EXIF contradicts": lambda: contradicted("AVIF"),
    "AVIF in Display P3": in_display_p3,
    "HEIC whose EXIF contradicts": lambda: contradicted("HEIC"),
    "10-bit HEIC": deep_heic,
    "HEIC in tiles": lambda: encoded(pictures.quarters(192, 120), "HEIC", tile_size=64),
    "turned HEIC in tiles": lambda: turned("HEIC", 6, width=192, height=120, tile_size=64),
    "BMP": lambda: bmp(pictures.quarters(65, 41)),
    "BMP from the top": lambda: bmp(pictures.quarters(64, 40), from_the_top=True),
    "BMP of 32 bits": lambda: bmp(pictures.quarters(64, 40), bits=32),
    "BMP of a palette": lambda: encoded(pictures.quarters(64, 40).quantize(16), "BMP"),
}


def two_sized_tiff() -> bytes:
    """A TIFF of two pages. The second is another picture, with the size of a reduced version of the first."""
    first, other = (
        pictures.quarters(5000, 200),
        pictures.quarters(2500, 100).transpose(Image.Transpose.ROTATE_180),
    )
    return encoded(first, "TIFF", save_all=True, append_images=[other])


def moving(kind: str, **options: Any) -> bytes:
    """An animation whose second picture is the first upside down."""
    first = pictures.quarters(64, 40)
    other = first.transpose(Image.Transpose.ROTATE_180)
    return encoded(first, kind, save_all=True, append_images=[other, other], **options)


def interlaced_quarters() -> bytes:
    """`quarters` as an interlaced PNG (Adam7), written by hand."""
    picture = pictures.quarters(64, 40)
    raw = b""
    for left, top, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for y in range(top, 40, down):
            raw += b"\0" + b"".join(bytes(_pixel(picture, x, y)) for x in range(left, 64, across))
    return pictures.png_of(64, 40, zlib.compress(raw), interlaced=True)


def _pixel(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    value = picture.getpixel((x, y))
    assert isinstance(value, tuple)
    return tuple(map(int, value))


def tiff(
    width: int, height: int, pixels: bytes, *, bits: int = 8, channels: int = 3, compression: int = 1
) -> bytes:
    """A little-endian TIFF of one strip, the directory after it."""
    numbers = [  # tag, type (3: two bytes, 4: four), value
        *(
            (256, 4, width),
            (257, 4, height),
            (258, 3, bits),
            (259, 3, compression),
            (262, 3, 2 if channels == 3 else 1),
        ),
        *((273, 4, 8), (277, 3, channels), (278, 4, height), (279, 4, len(pixels))),
    ]
    directory = 8 + len(pixels)
    entries = [struct.pack("<HHII", tag, form, 1, value) for tag, form, value in numbers]
    extra = b""
    if channels > 1:  # a number for each channel, beside the directory
        place = directory + 2 + 12 * len(numbers) + 4
        entries[2] = struct.pack("<HHII", 258, 3, channels, place)
        extra = struct.pack(f"<{channels}H", *[bits] * channels)
    return (
        b"II*\0"
        + struct.pack("<I", directory)
        + pixels
        + struct.pack("<H", len(numbers))
        + b"".join(entries)
        + bytes(4)
        + extra
    )


def tiff_bomb(side: int = 60_000) -> bytes:
    """A TIFF bomb: one bit per pixel, deflated; some megabytes that expand to gigabytes."""
    return tiff(side, side, pictures.zeros(side, side), channels=1, compression=8)


def claiming(kind: str, side: int) -> bytes:
    """A small picture whose header states `side` x `side` pixels."""
    whole = encoded(pictures.quarters(64, 40), kind)
    if kind == "JPEG":
        at = whole.index(b"\xff\xc0") + 5
        return whole[:at] + struct.pack(">HH", side, side) + whole[at + 4 :]
    if kind == "GIF":
        return whole[:6] + struct.pack("<HH", side, side) + whole[10:]
    at = whole.index(b"ispe") + 8
    return whole[:at] + struct.pack(">II", side, side) + whole[at + 8 :]


def sized(kind: str, width: int, height: int) -> bytes:
    """A file of a few bytes whose header states `width` x `height`, modulo what the format's numbers can
    represent.
    """
    if kind == "PNG":
        header = struct.pack(">IIBBBBB", width % 2**32, height % 2**32, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            pictures.chunk(*each)
            for each in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b""))
        )
    if kind == "BMP":
        header = struct.pack("<IIIHHIIiiII", 40, width % 2**32, height % 2**32, 1, 24, 0, 6, 0, 0, 0, 0)
        return b"BM" + struct.pack("<IHHI", 60, 0, 0, 54) + header + bytes(6)
    if kind == "TIFF":
        return tiff(width % 2**32, height % 2**32, bytes(3))
    if kind == "BigTIFF":
        numbers = (
            (256, width),
            (257, height),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, 8),
            (277, 1),
            (278, height),
            (279, 1),
        )
        entries = b"".join(struct.pack("<HHQQ", tag, 16, 1, number) for tag, number in numbers)
        return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, len(numbers)) + entries + bytes(8)
    if kind == "GIF":
        whole = pictures.gif(8, 8)
        return whole[:6] + struct.pack("<HH", width % 2**16, height % 2**16) + whole[10:]
    if kind == "JPEG":
        whole = pictures.jpeg(8, 8)
        at = whole.index(b"\xff\xc0") + 5
        return whole[:at] + struct.pack(">HH", height % 2**16, width % 2**16) + whole[at + 4 :]
    if kind == "WEBP":
        canvas = bytes(4) + (width - 1).to_bytes(8, "little")[:3] + (height - 1).to_bytes(8, "little")[:3]
        chunks = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas + pictures.webp(8, 8)[12:]
        return b"RIFF" + struct.pack("<I", len(chunks)) + chunks
    first, *others = encoded(pictures.quarters(64, 40), kind).split(b"ispe")
    size = struct.pack(">III", 0, width % 2**32, height % 2**32)
    return first + b"".join(b"ispe" + size + other[len(size) :] for other in others)


def profile_bomb() -> bytes:
    """A PNG whose profile expands to 200 MB."""
    whole = pictures.png(64, 40)
    return whole[:33] + pictures.chunk(b"iCCP", b"x\0\0" + pictures.zeros(1_000_000, 200)) + whole[33:]


# an empty archive: a reader of archives searches for this record at the end of the file
_ZIP = b"PK\x05\x06" + bytes(18)
_SCRIPT = b"<html><script>alert('polyglot')</script></html>"


def polyglots() -> dict[str, bytes]:
    """Pictures that are valid files of another type as well. They are shown; the other half is never passed
    on.
    """
    photo = pictures.jpeg(64, 40)
    return {
        "JPEG and ZIP": photo + _SCRIPT + _ZIP,
        "JPEG and HTML": pictures.polyglot(),
        "GIF and JAR": pictures.gif(64, 40) + _SCRIPT + _ZIP,
        "JPEG and PDF": photo[:2]
        + b"\xff\xfe"
        + struct.pack(">H", 2 + 9 + len(_SCRIPT))
        + b"%PDF-1.7\n"
        + _SCRIPT
        + photo[2:],
    }


SMALL: Mapping[str, Callable[[], bytes]] = {  # one file for each decoder, for tests over many files
    "JPEG": lambda: pictures.jpeg(64, 40),
    "progressive JPEG": lambda: pictures.jpeg(64, 40, progressive=True),
    "PNG": lambda: pictures.png(64, 40),
    "GIF": lambda: pictures.gif(64, 40, frames=3),
    "WebP": lambda: pictures.webp(64, 40),
    "lossless WebP": lambda: pictures.webp(64, 40, alpha=True, lossless=True),
    "AVIF": lambda: encoded(pictures.scene(64, 40), "AVIF"),
    "AVIF sequence": lambda: encoded(pictures.scene(64, 40), "AVIS"),
    "HEIC": lambda: turned("HEIC", 6),
    "TIFF": lambda: encoded(pictures.scene(64, 40), "TIFF"),
    "TIFF with a JPEG in it": lambda: encoded(pictures.scene(64, 40), "TIFF", compression="jpeg"),
    "BMP": lambda: bmp(pictures.scene(64, 40)),
}
