"""What is made of a picture: an upright sRGB frame and a thumbnail without metadata, and a placeholder.

This runs inside the child process, the only place where libvips is ever loaded.
"""

from io import FileIO
from pathlib import Path
from typing import Any, Final

import pyvips

from vitrine.content import HEAD_BYTES, STILLS, sniff
from vitrine_imaging.models import FRAME_EDGE, OUT_OF_MEMORY, THUMBNAIL_EDGE, Derived, Frame, Picture, Undecodable
from vitrine_imaging.thumbhash import thumbhash

_HASH_EDGE: Final = 32  # 3.7 ms, against 19.8 ms from 100 pixels, for nearly the same bytes

_NOTHING: Final = 0  # ForeignKeep.NONE: no EXIF, no place, no profile

_LOADERS: Final = {
    "image/jpeg": "VipsForeignLoadJpeg",
    "image/png": "VipsForeignLoadPng",
    "image/gif": "VipsForeignLoadNsgif",
    "image/webp": "VipsForeignLoadWebp",
}

pyvips.cache_set_max(0)  # no picture is seen twice
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in _LOADERS.values():
    pyvips.operation_block_set(_loader, False)


def derive(path: Path, *, max_pixels: int) -> Derived:
    """What is made of the picture that `path` begins with: bytes after its end do not matter.

    Raises Undecodable.
    """
    with path.open("rb", buffering=0) as file:
        head = file.read(HEAD_BYTES)
        content = sniff(head)
        if not head:
            raise Undecodable("The file is empty")
        if content is None or content.mime_type not in STILLS:
            raise Undecodable("The file is not a JPEG, PNG, GIF or WebP picture")
        _refuse_large(content.width or 0, content.height or 0, max_pixels)
        try:
            return _derive(file, content.mime_type, max_pixels)
        except pyvips.Error as error:
            raise Undecodable(_in_words(error)) from None


def _derive(file: FileIO, mime_type: str, max_pixels: int) -> Derived:
    source = _source(file, mime_type)
    header = pyvips.Image.new_from_source(source, "", access="sequential")
    _refuse_large(header.width, header.height, max_pixels)  # again: what will be decoded, not what our own reading found
    width, height = header.width, header.height
    if _orientation(header) >= 5:
        width, height = height, width

    source = _source(file, mime_type)  # from the beginning; named, so that it lives until all is read
    frame = (_shrunk_jpeg if mime_type == "image/jpeg" else _shrunk)(source, header)
    if frame.interpretation != "srgb":
        frame = frame.colourspace("srgb")  # grey, 16 bits
    frame = frame.copy_memory()  # or the second encoder would read a stream that is over ("out of order read")
    if frame.hasalpha() and frame[frame.bands - 1].min() == 255:
        frame = frame.extract_band(0, n=frame.bands - 1)  # screenshots: an alpha channel, and nothing transparent
    thumbnail = frame.thumbnail_image(THUMBNAIL_EDGE, height=THUMBNAIL_EDGE, size="down").copy_memory()
    return Derived(
        width=width,
        height=height,
        frames=(Frame(_webp(frame, effort=2) if frame.hasalpha() else _jpeg(frame), _webp(thumbnail, effort=4)),),
        placeholder=_placeholder(thumbnail),
    )


def _refuse_large(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Undecodable(f"The picture has {_megapixels(width * height)} megapixels; the limit is {_megapixels(max_pixels)}")


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.1f}".removesuffix(".0")


def _orientation(header: pyvips.Image) -> int:
    tag = header.get("orientation") if "orientation" in header.get_fields() else 1
    return tag if isinstance(tag, int) else 1


def _profile(header: pyvips.Image) -> dict[str, Any]:
    """On a picture without a profile colour management is 3.5 times slower, for the same pixels."""
    return {"output_profile": "srgb"} if "icc-profile-data" in header.get_fields() or header.interpretation == "cmyk" else {}


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


def _shrunk(source: pyvips.Source, header: pyvips.Image) -> pyvips.Image:
    """Upright, at most the frame's size."""
    # In the loader's own option: libvips 8.18.7 does not hand on thumbnail_source's fail_on, and shows half a picture.
    return pyvips.Image.thumbnail_source(source, FRAME_EDGE, height=FRAME_EDGE, size="down", option_string="[fail_on=truncated]", **_profile(header))


def _shrunk_jpeg(source: pyvips.Source, header: pyvips.Image) -> pyvips.Image:
    """The same of a JPEG, which is decoded at a half, a quarter or an eighth where that is enough: thumbnail_source asks for twice as much."""
    scale = min(1.0, FRAME_EDGE / max(header.width, header.height))
    part = max(part for part in (1, 2, 4, 8) if part * scale <= 1)
    image = pyvips.Image.new_from_source(source, "", access="sequential", fail_on="truncated", shrink=part)
    width, height = (max(1, round(edge * scale)) for edge in (header.width, header.height))  # of a part they would be a pixel off
    return image.thumbnail_image(width, height=height, size="force", no_rotate=True, **_profile(header)).copy_memory().autorot()


def _jpeg(image: pyvips.Image) -> Picture:
    return Picture(image.jpegsave_buffer(Q=80, interlace=True, keep=_NOTHING), "image/jpeg", image.width, image.height)


def _webp(image: pyvips.Image, *, effort: int) -> Picture:
    return Picture(image.webpsave_buffer(Q=80, effort=effort, keep=_NOTHING), "image/webp", image.width, image.height)


def _placeholder(image: pyvips.Image) -> bytes:
    small = image.thumbnail_image(_HASH_EDGE, height=_HASH_EDGE, size="down")
    if not small.hasalpha():
        small = small.bandjoin(255)
    return thumbhash(small.width, small.height, bytes(small.cast("uchar").write_to_memory()))


# libvips gives no codes. What is read here decides on words alone, and whether a fresh child is asked again.
_WORDS: Final = (
    ("out of memory", OUT_OF_MEMORY),
    ("premature end", "The file is cut short"),
    ("Unexpected end", "The file is cut short"),
)


def _in_words(error: pyvips.Error) -> str:
    said = str(error)
    return next((words for fragment, words in _WORDS if fragment in said), "The file is damaged or cut short")
