"""What libvips opens: JPEG, PNG, GIF, WebP, AVIF, TIFF. Importing this module loads libvips: only the child process does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyvips

from vitrine_imaging import tones

if TYPE_CHECKING:
    from io import FileIO

    from vitrine.content import Colours

LOADERS: Final = {
    "image/jpeg": "VipsForeignLoadJpeg",
    "image/png": "VipsForeignLoadPng",
    "image/gif": "VipsForeignLoadNsgif",
    "image/webp": "VipsForeignLoadWebp",
    "image/avif": "VipsForeignLoadHeif",
    "image/tiff": "VipsForeignLoadTiff",
}
_FAIL_ON: Final = {"image/tiff": "error"}  # "truncated" shows half a TIFF
_MOVING: Final = frozenset({"image/gif", "image/webp"})

pyvips.cache_set_max(0)  # no picture is seen twice
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in LOADERS.values():
    pyvips.operation_block_set(_loader, False)


@dataclass(frozen=True, slots=True)
class Original:
    """A file whose header is read, and nothing else of it is decoded yet."""

    width: int  # pixels as shown, that is, upright
    height: int
    shrunk: Callable[[int], pyvips.Image]  # upright, its long edge at most that; sRGB where a profile says what it is
    pictures: int = 1  # more where it moves; the first is the one that is shown


def opened(file: FileIO, mime_type: str, colours: Colours | None = None) -> Original:
    """`colours`: what the file says of them by number, which libvips does not read. Raises pyvips.Error."""
    header = pyvips.Image.new_from_source(_source(file, mime_type), "", access="sequential")
    pictures = _number(header, "n-pages") if mime_type in _MOVING else 1

    def shrunk(edge: int) -> pyvips.Image:
        source = _source(file, mime_type)  # from the beginning; named, so that it lives until all is read
        if mime_type == "image/jpeg":
            return _part_of_jpeg(source, header, edge)
        if mime_type == "image/webp":
            # In the loader's own option: libvips 8.18.7 does not hand on thumbnail_source's fail_on, and shows half a picture.
            picture = pyvips.Image.thumbnail_source(source, edge, height=edge, size="down", option_string="[fail_on=truncated]", **_profile(header))
        else:
            # thumbnail_source would look for a smaller page of a TIFF and a thumbnail within an AVIF, which may show something else.
            whole = pyvips.Image.new_from_source(source, "", access="sequential", fail_on=_FAIL_ON.get(mime_type, "truncated"))
            picture = shrink(whole, edge, colours)
        return picture.copy_memory()  # or a second encoder would read a stream that is over ("out of order read")

    width, height = header.width, header.height
    if _number(header, "orientation") >= 5:
        width, height = height, width
    return Original(width, height, shrunk, pictures)


def _part_of_jpeg(source: pyvips.Source, header: pyvips.Image, edge: int) -> pyvips.Image:
    """In memory, and turned from there. Decoded at a half, a quarter or an eighth where that is enough: thumbnail_source asks for twice as much."""
    scale = min(1.0, edge / max(header.width, header.height))
    part = max(part for part in (1, 2, 4, 8) if part * scale <= 1)
    image = pyvips.Image.new_from_source(source, "", access="sequential", fail_on="truncated", shrink=part)
    width, height = (max(1, round(edge * scale)) for edge in (header.width, header.height))  # of a part they would be a pixel off
    return image.thumbnail_image(width, height=height, size="force", no_rotate=True, **_profile(header)).copy_memory().autorot()


def shrink(image: pyvips.Image, edge: int, colours: Colours | None = None) -> pyvips.Image:
    """Turned as its orientation says, in sRGB where a profile or `colours` say what it is, its long edge at most `edge`."""
    if colours is not None and tones.differ(colours):
        return tones.to_srgb(_small(image, edge), colours)
    return image.thumbnail_image(edge, height=edge, size="down", **_profile(image))


def _small(image: pyvips.Image, edge: int) -> pyvips.Image:
    """Turned, its long edge at most `edge`, in as many bits as it has: thumbnail_image would make 8 of them, which is too few for PQ."""
    image = image.copy()
    for field in {"icc-profile-data"}.intersection(image.get_fields()):  # libvips puts in Display P3's for its primaries, whatever the transfer
        image.remove(field)
    scale = min(1.0, edge / max(image.width, image.height))
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in (image.width, image.height))
        mixed = image.premultiply() if image.hasalpha() else image
        mixed = mixed.resize(width / image.width, vscale=height / image.height)
        image = (mixed.unpremultiply() if image.hasalpha() else mixed).cast(image.format)
    return image.copy_memory().autorot()


def _number(image: pyvips.Image, field: str) -> int:
    """1 where the file does not tell."""
    value = image.get(field) if field in image.get_fields() else 1
    return value if isinstance(value, int) else 1


def _profile(image: pyvips.Image) -> dict[str, Any]:
    """On a picture without a profile colour management is 3.5 times slower, for the same pixels."""
    return {"output_profile": "srgb"} if "icc-profile-data" in image.get_fields() or image.interpretation == "cmyk" else {}


def _source(file: FileIO, mime_type: str) -> pyvips.Source:
    """The file from its beginning; a file, not a buffer, so that rows are read as they are needed."""
    if mime_type != "image/jpeg":
        return pyvips.Source.new_from_file(str(file.name))
    file.seek(0)
    # libvips would map the whole file to find out its type, and a gigabyte may follow the picture. What cannot be mapped is
    # streamed, and for JPEG that costs nothing measurable; other loaders read this way would copy the file into memory.
    source = pyvips.SourceCustom()
    source.on_read(file.read)
    source.on_seek(file.seek)
    return source
