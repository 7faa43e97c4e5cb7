"""What is made of a picture: an upright sRGB frame and a thumbnail without metadata, and a placeholder.

This runs inside the child process, the only place where libvips is ever loaded.
"""

from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Final

import pyvips

from vitrine.content import HEAD_BYTES, STILLS, Content, brands, colours, sniff
from vitrine_imaging import by_vips, exif
from vitrine_imaging.by_vips import Original
from vitrine_imaging.models import DAMAGED, FRAME_EDGE, OUT_OF_MEMORY, THUMBNAIL_EDGE, Derived, Frame, Picture, Undecodable
from vitrine_imaging.perceptual import dominant_colors, perceptual_hash
from vitrine_imaging.thumbhash import thumbhash

_HASH_EDGE: Final = 32  # 3.7 ms, against 19.8 ms from 100 pixels, for nearly the same bytes

_MOST_CHUNKS: Final = 10_000  # of a PNG before its pixels; writers use some twenty
_NOTHING: Final = 0  # ForeignKeep.NONE: no EXIF, no place, no profile


def derive(path: Path, *, max_pixels: int, max_animation_pixels: int, keep_gps: bool = False) -> Derived:
    """What is made of the picture that `path` begins with: bytes after its end do not matter.

    Raises Undecodable.
    """
    with path.open("rb", buffering=0) as file:
        head = file.read(HEAD_BYTES)
        content = sniff(head)
        if not head:
            raise Undecodable("The file is empty")
        if content is None or content.mime_type not in STILLS:
            raise Undecodable("The file is not a picture of a type that is taken")
        _refuse_large(content.width or 0, content.height or 0, max_pixels)
        try:
            original = _opened(file, head, content, max_pixels)
            _refuse_large(original.width, original.height, max_pixels)  # again: what will be decoded, not what our own reading found
            _refuse_long(original, max_animation_pixels)
            derived = _made(original)
        except pyvips.Error as error:
            raise Undecodable(_in_words(error)) from None
    told = exif.read(path, content.mime_type, keep_gps=keep_gps)
    return replace(derived, exif=told.exif, taken_at=told.taken_at, taken_zone=told.taken_zone)


def _opened(file: FileIO, head: bytes, content: Content, max_pixels: int) -> Original:
    path, mime_type = Path(str(file.name)), content.mime_type
    if mime_type not in by_vips.LOADERS or b"avis" in brands(head):
        from vitrine_imaging import by_pillow  # only now: most children never need it

        if mime_type in {"image/heic", "image/heif"}:
            return by_pillow.heif(path, colours(head))
        return by_pillow.opened(path, "AVIF" if mime_type == "image/avif" else "BMP", colours(head), max_pixels=max_pixels)
    original = by_vips.opened(file, mime_type, colours(head))
    return replace(original, pictures=_pictures_of_png(file)) if mime_type == "image/png" else original


def _made(original: Original) -> Derived:
    """Every format comes through here, and ends as an upright sRGB frame and thumbnail in memory."""
    frame = _in_srgb(original.shrunk(FRAME_EDGE))
    if frame.hasalpha() and frame[frame.bands - 1].min() == 255:
        frame = frame.extract_band(0, n=frame.bands - 1)  # screenshots: an alpha channel, and nothing transparent
    shown, thumbnail = picture_frame(frame)
    return Derived(
        width=original.width,
        height=original.height,
        frames=(shown,),
        placeholder=placeholder(thumbnail),
        perceptual_hash=perceptual_hash(thumbnail),
        colors=dominant_colors(thumbnail),
    )


def _in_srgb(image: pyvips.Image) -> pyvips.Image:
    """Three channels of 8 bits, or four where it knows opacity."""
    if image.interpretation == "srgb" and image.format == "uchar" and image.bands <= 4:
        return image
    image = image.colourspace("srgb")  # grey, 16 bits
    if image.bands > 4:
        image = image.extract_band(0, n=3)  # more channels than one beside the colours: none of them is known to be opacity
    return image.cast("uchar").copy_memory()


def _pictures_of_png(file: FileIO) -> int:
    """As its `acTL` says, which stands before the pixels: libvips does not tell."""
    at = 8
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(12)
        if len(head) < 12 or head[4:8] == b"IDAT":
            break
        if head[4:8] == b"acTL":
            return int.from_bytes(head[8:], "big")
        at += 12 + int.from_bytes(head[:4], "big")
    return 1


def _refuse_large(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Undecodable(f"The picture has {_megapixels(width * height)} megapixels; the limit is {_megapixels(max_pixels)}")


def _refuse_long(original: Original, most: int) -> None:
    """Nothing but its first picture is decoded here, but whoever shows it decodes them all."""
    count, pixels = original.pictures, original.pictures * original.width * original.height
    if count > 1 and pixels > most:
        raise Undecodable(f"The animation has {count} pictures of {_megapixels(pixels)} megapixels in all; the limit is {_megapixels(most)}")


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.1f}".removesuffix(".0")


def _jpeg(image: pyvips.Image) -> Picture:
    return Picture(image.jpegsave_buffer(Q=80, interlace=True, keep=_NOTHING), "image/jpeg", image.width, image.height)


def _webp(image: pyvips.Image, *, effort: int) -> Picture:
    return Picture(image.webpsave_buffer(Q=80, effort=effort, keep=_NOTHING), "image/webp", image.width, image.height)


def picture_frame(picture: pyvips.Image, *, at_seconds: float = 0.0) -> tuple[Frame, pyvips.Image]:
    """A still, or a moment of a video, and its thumbnail as an image. `picture`: in memory, upright, sRGB, at most the frame's size."""
    thumbnail = picture.thumbnail_image(THUMBNAIL_EDGE, height=THUMBNAIL_EDGE, size="down").copy_memory()
    return Frame(_webp(picture, effort=2) if picture.hasalpha() else _jpeg(picture), _webp(thumbnail, effort=4), at_seconds), thumbnail


def placeholder(image: pyvips.Image) -> bytes:
    small = image.thumbnail_image(_HASH_EDGE, height=_HASH_EDGE, size="down")
    if not small.hasalpha():
        small = small.bandjoin(255)
    return thumbhash(small.width, small.height, bytes(small.cast("uchar").write_to_memory()))


# libvips gives no codes. What is read here decides on words alone, and whether a fresh child is asked again.
_WORDS: Final = (
    ("out of memory", OUT_OF_MEMORY),
    ("Memory allocation error", OUT_OF_MEMORY),  # libheif's
    ("premature end", "The file is cut short"),
    ("Unexpected end", "The file is cut short"),
)


def _in_words(error: pyvips.Error) -> str:
    said = str(error)
    return next((words for fragment, words in _WORDS if fragment in said), DAMAGED)
