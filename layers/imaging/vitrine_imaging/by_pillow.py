"""What libvips has no decoder for - HEIC and HEIF, AVIF sequences, BMP - read by Pillow and pillow-heif, and
handed to libvips as pixels.

Importing this module loads both: only the child process does.
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

from vitrine.models.derived import Undecodable
from vitrine_imaging import by_bmp, exif
from vitrine_imaging.by_vips import Original, shrink
from vitrine_imaging.libraries import Library
from vitrine_imaging.models import not_supported
from vitrine_imaging.reasons import reason
from vitrine_imaging.tones import is_high_range

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from io import FileIO

    from vitrine.content import Colours

# as libvips: each thread takes memory of its own
options.DECODE_THREADS = AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# the picture itself, and nothing that lies beside it
options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False

_PILLOW: Final = Library(
    frozenset({"PIL", "pillow_heif"}),
    (Image.DecompressionBombError,),
    (ValueError, EOFError, SyntaxError, RuntimeError, OSError, LookupError, ArithmeticError, struct.error),
)

# pixels of PQ and HLG that keep their 10 or 12 bits: in a gigabyte there is no room for two bytes of each of
# more
_MOST_DEEP: Final = 60_000_000
# times the size wanted: what is larger still is averaged before it is handed over, and never held twice
_PLENTY: Final = 2


def heif(file: FileIO, colours: Colours | None) -> Original:
    """`colours`: what the file says of them by number.

    Turned by its boxes alone, which libheif has done: what its EXIF says of it does not count (ISO 23008-12,
    MIAF 7.3.6.7).
    """
    if not exif.has_still(file):
        raise Undecodable(not_supported("a HEIC sequence without a still picture"))
    if coding := exif.other_coding(file, b"hvc1"):
        raise Undecodable(not_supported(f"HEIF with pictures coded as {coding}"))
    with _in_words():
        file.seek(0)
        data = file.read()
        opened = pillow_heif.open_heif(data, remove_stride=False)
        if colours is not None and is_high_range(colours.transfer) and math.prod(opened.size) <= _MOST_DEEP:
            opened = pillow_heif.open_heif(data, remove_stride=False, convert_hdr_to_8bit=False)
        picture = opened[opened.primary_index]

    def shrunk(edge: int) -> pyvips.Image:
        with _in_words():
            return shrink(_plane(picture), edge, colours).copy_memory()

    return Original(*picture.size, shrunk)


def opened(source: FileIO, kind: str, colours: Colours | None, *, max_pixels: int) -> Original:
    """A BMP or an AVIF sequence; `kind` as Pillow calls it. `colours`: what the file says of them by
    number.
    """
    masked = by_bmp.masked(source) if kind == "BMP" else None
    if masked is not None:
        return Original(*masked.size, lambda edge: shrink(masked.picture(), edge).copy_memory())
    Image.MAX_IMAGE_PIXELS = max_pixels  # Pillow has a limit of its own, and opens nothing of twice as much
    with _in_words():
        file = Image.open(source, formats=(kind,))
        # made of irot and imir, not applied
        orientation = file.getexif().get(ExifTags.Base.Orientation, 1) if kind == "AVIF" else 1

    def shrunk(edge: int) -> pyvips.Image:
        with _in_words():
            return shrink(
                _tagged(_pixels(file, edge), file.info.get("icc_profile"), orientation), edge, colours
            ).copy_memory()

    width, height = file.size if orientation < 5 else reversed(file.size)
    return Original(width, height, shrunk, getattr(file, "n_frames", 1))


def rehearse() -> None:
    """Load the plugins that Pillow imports when it first opens something."""
    written = BytesIO()
    Image.new("RGB", (16, 16)).save(written, "BMP")
    with Image.open(written) as image:
        image.getexif()
        image.load()
    # a directory without entries: its reader, TiffImagePlugin, is imported only for EXIF
    Image.Exif().load(b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")


def _plane(picture: Any) -> pyvips.Image:
    """libheif's own pixels and no copy of them: at a hundred megapixels there is no room for one."""
    data = picture.data  # decodes it
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
    times = max(image.size) // (_PLENTY * edge)
    if times > 1:
        image = image.reduce(times)
    bands = len(image.getbands())
    pixels = pyvips.Image.new_from_memory(image.tobytes(), image.width, image.height, bands, "uchar")
    return pixels.copy(interpretation="srgb" if bands >= 3 else "b-w")


def _tagged(pixels: pyvips.Image, profile: bytes | None, orientation: int) -> pyvips.Image:
    """With what libvips would have found in the file itself."""
    pixels = pixels.copy()
    if profile:
        blob: Any = profile  # it takes bytes, which its types do not say
        pixels.set_type(pyvips.GValue.blob_type, "icc-profile-data", blob)
    pixels.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return pixels


def _in_words() -> AbstractContextManager[None]:
    return _PILLOW.undecodable(_reason)


def _reason(error: Exception) -> str:
    return (
        "The picture has more pixels than allowed"
        if isinstance(error, Image.DecompressionBombError)
        else reason(str(error))
    )
