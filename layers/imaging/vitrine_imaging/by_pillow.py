"""The formats for which libvips has no decoder: HEIC and HEIF, AVIF sequences, BMP.

Pillow and pillow-heif decode them, and pass the pixels to libvips. Importing this module loads both, so only
the child process imports it.
"""

from __future__ import annotations

import math
import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pillow_heif
import pyvips
from PIL import AvifImagePlugin, ExifTags, Image
from pillow_heif import options

from vitrine import heif
from vitrine.containers import file_span
from vitrine.models.derived import Undecodable
from vitrine_imaging import by_bmp
from vitrine_imaging.by_vips import Original, shrink
from vitrine_imaging.libraries import Library
from vitrine_imaging.models import not_supported
from vitrine_imaging.reasons import reason
from vitrine_imaging.tones import is_high_range

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from io import FileIO

    from vitrine.colours import Colours

# one thread, as in libvips: each takes memory of its own
options.DECODE_THREADS = AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# decode the picture itself, and nothing that lies beside it
options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False

_PILLOW: Final = Library(
    frozenset({"PIL", "pillow_heif"}),
    (Image.DecompressionBombError,),
    (ValueError, EOFError, SyntaxError, RuntimeError, OSError, LookupError, ArithmeticError, struct.error),
)

# A PQ or HLG picture of at most so many pixels keeps its 10 or 12 bits. In a larger one, two bytes per sample
# do not fit into a gigabyte.
_MOST_PIXELS_IN_16_BITS: Final = 60_000_000
# Pillow averages a picture down to about this many times the requested edge before libvips gets a copy,
# because two whole copies of a large picture do not fit into memory.
_REDUCED_TO_TIMES: Final = 2


def open_heif(file: FileIO, colours: Colours | None) -> Original:
    """Open a HEIC or HEIF. `colours`: their coding as the file states it in numbers. Raises Undecodable.

    The picture is turned by the file's boxes alone, which libheif does; its EXIF orientation is ignored (ISO
    23008-12, MIAF 7.3.6.7).
    """
    if not heif.has_still(file_span(file)):
        raise Undecodable(not_supported("a HEIC sequence without a still picture"))
    if coding := heif.other_coding(file_span(file), b"hvc1"):
        raise Undecodable(not_supported(f"HEIF with pictures coded as {coding}"))
    with _undecodable():
        file.seek(0)
        data = file.read()
        opened = pillow_heif.open_heif(data, remove_stride=False)
        if (
            colours is not None
            and is_high_range(colours.transfer)
            and math.prod(opened.size) <= _MOST_PIXELS_IN_16_BITS
        ):
            opened = pillow_heif.open_heif(data, remove_stride=False, convert_hdr_to_8bit=False)
        picture = opened[opened.primary_index]

    def render(edge: int) -> pyvips.Image:
        with _undecodable():
            return shrink(_plane(picture), edge, colours).copy_memory()

    return Original(*picture.size, render)


def open_with_pillow(source: FileIO, kind: str, colours: Colours | None, *, max_pixels: int) -> Original:
    """Open a BMP or an AVIF sequence. Raises Undecodable.

    `kind`: the format's name in Pillow. `colours`: their coding as the file states it in numbers.
    """
    bitmap = by_bmp.open_masked(source) if kind == "BMP" else None
    if bitmap is not None:
        return Original(*bitmap.size, lambda edge: shrink(bitmap.picture(), edge).copy_memory())
    Image.MAX_IMAGE_PIXELS = max_pixels  # Pillow opens no picture of twice its own limit
    with _undecodable():
        file = Image.open(source, formats=(kind,))
        # which Pillow derives from irot and imir, and does not apply
        orientation = file.getexif().get(ExifTags.Base.Orientation, 1) if kind == "AVIF" else 1

    def render(edge: int) -> pyvips.Image:
        with _undecodable():
            return shrink(
                _tagged(_pixels(file, edge), file.info.get("icc_profile"), orientation), edge, colours
            ).copy_memory()

    width, height = file.size if orientation < 5 else reversed(file.size)
    return Original(width, height, render, getattr(file, "n_frames", 1))


def warm_up() -> None:
    """Load the plugins that Pillow imports when it first opens something."""
    written = BytesIO()
    Image.new("RGB", (16, 16)).save(written, "BMP")
    with Image.open(written) as image:
        image.getexif()
        image.load()
    # a directory without entries: its reader, TiffImagePlugin, is imported only for EXIF
    Image.Exif().load(b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")


def _plane(picture: Any) -> pyvips.Image:
    """libheif's own pixels, not a copy: at a hundred megapixels there is no memory for one."""
    data = picture.data  # decodes the picture
    (width, height), mode = picture.size, picture.mode
    deep = ";16" in mode
    bands = 1 if mode.startswith("I") else len(mode.partition(";")[0])
    row = picture.stride // (2 if deep else 1)
    pixels = pyvips.Image.new_from_memory(data, row, height, 1, "ushort" if deep else "uchar").crop(
        0, 0, width * bands, height
    )
    pixels = pixels.bandfold(factor=bands) if bands > 1 else pixels
    pixels = pixels.copy(
        interpretation=("rgb16" if deep else "srgb") if bands >= 3 else ("grey16" if deep else "b-w")
    )
    if "a" in mode:  # multiplied by its opacity
        pixels = pixels.unpremultiply().cast(pixels.format)
    return _tagged(pixels, picture.info.get("icc_profile"), 1)


def _pixels(file: Image.Image, edge: int) -> pyvips.Image:
    image = file
    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    times = max(image.size) // (_REDUCED_TO_TIMES * edge)
    if times > 1:
        image = image.reduce(times)
    bands = len(image.getbands())
    pixels = pyvips.Image.new_from_memory(image.tobytes(), image.width, image.height, bands, "uchar")
    return pixels.copy(interpretation="srgb" if bands >= 3 else "b-w")


def _tagged(pixels: pyvips.Image, profile: bytes | None, orientation: int) -> pyvips.Image:
    """The pixels, with the profile and orientation that libvips would have read in the file itself."""
    pixels = pixels.copy()
    if profile:
        blob: Any = profile  # set_type accepts bytes, which its types do not say
        pixels.set_type(pyvips.GValue.blob_type, "icc-profile-data", blob)
    pixels.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return pixels


def _undecodable() -> AbstractContextManager[None]:
    return _PILLOW.undecodable(_reason)


def _reason(error: Exception) -> str:
    return (
        "The picture has more pixels than allowed"
        if isinstance(error, Image.DecompressionBombError)
        else reason(str(error))
    )
