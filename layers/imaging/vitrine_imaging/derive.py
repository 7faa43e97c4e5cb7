"""What is made of a picture: an upright sRGB frame and a thumbnail without metadata, and a placeholder.

This runs inside the child process, the only place where libvips is ever loaded.
"""

from collections.abc import Mapping
from dataclasses import replace
from io import FileIO
from typing import Any, Final

import pyvips
from pyvips import vips_lib

from vitrine.content import HEAD_BYTES, Colours, Content, brands, colours, raw_type, sniff
from vitrine.media_types import RAWS, STILLS
from vitrine.models.derived import Derived, Frame, Picture, Undecodable
from vitrine_imaging import by_pillow, by_preview, by_vips, exif, jpeg
from vitrine_imaging.by_vips import Original
from vitrine_imaging.models import DAMAGED, FRAME_EDGE, THUMBNAIL_EDGE, not_supported
from vitrine_imaging.perceptual import dominant_colors, perceptual_hash
from vitrine_imaging.reasons import reason
from vitrine_imaging.thumbhash import thumbhash

_HASH_EDGE: Final = 32  # 3.7 ms, against 19.8 ms from 100 pixels, for nearly the same bytes

_MOST_CHUNKS: Final = 10_000  # of a PNG before its pixels; writers use some twenty
_NOTHING: Final = 0  # ForeignKeep.NONE: no EXIF, no place, no profile


def derive(descriptor: int, *, max_pixels: int, max_animation_pixels: int, keep_gps: bool = False) -> Derived:
    """What is made of the picture that the open file with this descriptor begins with: bytes after its end do
    not matter.

    Raises Undecodable.
    """
    # or what libvips reported after its answer for an earlier file would count as an error of this one
    vips_lib.vips_error_clear()
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        file.seek(0)  # the file's position is shared with whoever opened it
        head = file.read(HEAD_BYTES)
        content = sniff(head)
        if not head:
            raise Undecodable("The file is empty")
        if content is None or content.mime_type not in STILLS:
            raise Undecodable("The file is not a picture of a type that is taken")
        _reject_large(content.width or 0, content.height or 0, max_pixels)
        told = exif.read(file, content.mime_type, keep_gps=keep_gps)
        try:
            original = _opened(file, head, content, told, max_pixels)
            # again: what will be decoded, not what our own reading found
            _reject_large(original.width, original.height, max_pixels)
            _reject_long(original, max_animation_pixels)
            derived = _made(original)
        except pyvips.Error as error:
            raise Undecodable(reason(str(error))) from None
    shown = original.orientation if original.orientation is not None else content.orientation
    return replace(
        derived, exif=_as_shown(told.exif, shown), taken_at=told.taken_at, taken_zone=told.taken_zone
    )


def _opened(file: FileIO, head: bytes, content: Content, told: exif.Told, max_pixels: int) -> Original:
    mime_type = content.mime_type
    raw = (
        mime_type
        if mime_type in RAWS
        else raw_type(by_vips.reader(file))
        if mime_type == "image/tiff"
        else None
    )
    if raw is not None:  # of a TIFF too, whose first directory lies beyond its head
        return by_preview.opened(file, raw, max_pixels=max_pixels)
    _check_coding(file, head, mime_type)
    if mime_type == "image/avif" and b"avis" not in brands(head):
        return _avif(file, colours(head), max_pixels)
    if mime_type not in by_vips.LOADERS or b"avis" in brands(head):
        if mime_type in {"image/heic", "image/heif"}:
            return by_pillow.heif(file, colours(head))
        return by_pillow.opened(
            file, "AVIF" if mime_type == "image/avif" else "BMP", colours(head), max_pixels=max_pixels
        )
    if mime_type == "image/png":
        # libvips finds no EXIF behind the pixels, and none in a text
        turned = (told.exif or {}).get("orientation", 1)
        return replace(
            by_vips.opened(file, mime_type, colours(head), orientation=turned),
            pictures=_pictures_of_png(file),
        )
    return by_vips.opened(file, mime_type, colours(head))


def _check_coding(file: FileIO, head: bytes, mime_type: str) -> None:
    """Raises Undecodable for a file that is whole, and coded in a way that the packaged decoders do not
    read.
    """
    frame = jpeg.start_of_frame(by_vips.reader(file)) if mime_type == "image/jpeg" else None
    if frame is not None and frame.not_supported is not None:
        raise Undecodable(not_supported(frame.not_supported))
    if mime_type == "image/png" and head[12:16] == b"CgBI":
        raise Undecodable(not_supported("Apple's variant of PNG (CgBI)"))
    if mime_type == "image/avif" and (coding := exif.other_coding(file, b"av01")):
        raise Undecodable(not_supported(f"AVIF with pictures coded as {coding}"))


def _avif(file: FileIO, coded: Colours | None, max_pixels: int) -> Original:
    """An AVIF by libheif, and by libavif, within Pillow, where libheif cannot decode it. No limit of
    libheif's own is passed by in that way.
    """
    original = by_vips.opened(file, "image/avif", coded)

    def shrunk(edge: int) -> pyvips.Image:
        try:
            return original.shrunk(edge)
        except pyvips.Error as error:
            first = reason(str(error))
            if first != DAMAGED and not first.startswith(not_supported("")):
                raise
        try:
            return by_pillow.opened(file, "AVIF", coded, max_pixels=max_pixels).shrunk(edge)
        except MemoryError:
            raise Undecodable(first) from None
        except Undecodable as second:
            raise Undecodable(
                second.reason if first == DAMAGED and second.reason.startswith(not_supported("")) else first
            ) from None

    return replace(original, shrunk=shrunk)


def _as_shown(told: Mapping[str, Any] | None, orientation: int) -> Mapping[str, Any] | None:
    """EXIF without its orientation where the picture is turned in another way: HEIF's boxes go before it
    (ISO 23008-12).
    """
    if told is None or told.get("orientation", orientation) == orientation:
        return told
    return {name: value for name, value in told.items() if name != "orientation"} or None


def _made(original: Original) -> Derived:
    """Every format comes through here, and ends as an upright sRGB frame and thumbnail in memory."""
    frame = _in_srgb(original.shrunk(FRAME_EDGE))
    if frame.hasalpha() and frame[frame.bands - 1].min() == 255:
        # screenshots: an alpha channel, and nothing transparent
        frame = frame.extract_band(0, n=frame.bands - 1)
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
        # more channels than one beside the colours: none of them is known to be opacity
        image = image.extract_band(0, n=3)
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


def _reject_large(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Undecodable(
            f"The picture has {_megapixels(width * height)} megapixels; the limit is {_megapixels(max_pixels)}"
        )


def _reject_long(original: Original, most: int) -> None:
    """Nothing but its first picture is decoded here, but whoever shows it decodes them all."""
    count, pixels = original.pictures, original.pictures * original.width * original.height
    if count > 1 and pixels > most:
        raise Undecodable(
            f"The animation has {count} pictures of {_megapixels(pixels)} megapixels in all; the limit is {_megapixels(most)}"
        )


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.1f}".removesuffix(".0")


def _jpeg(image: pyvips.Image) -> Picture:
    return Picture(
        image.jpegsave_buffer(Q=80, interlace=True, keep=_NOTHING), "image/jpeg", image.width, image.height
    )


def _webp(image: pyvips.Image, *, effort: int) -> Picture:
    return Picture(
        image.webpsave_buffer(Q=80, effort=effort, keep=_NOTHING), "image/webp", image.width, image.height
    )


def picture_frame(picture: pyvips.Image, *, at_seconds: float = 0.0) -> tuple[Frame, pyvips.Image]:
    """A still, or a moment of a video, and its thumbnail as an image. `picture`: in memory, upright,
    sRGB, at most the frame's size.
    """
    thumbnail = picture.thumbnail_image(THUMBNAIL_EDGE, height=THUMBNAIL_EDGE, size="down").copy_memory()
    return Frame(
        _webp(picture, effort=2) if picture.hasalpha() else _jpeg(picture),
        _webp(thumbnail, effort=4),
        at_seconds,
    ), thumbnail


def placeholder(image: pyvips.Image) -> bytes:
    small = image.thumbnail_image(_HASH_EDGE, height=_HASH_EDGE, size="down")
    if not small.hasalpha():
        small = small.bandjoin(255)
    return thumbhash(small.width, small.height, bytes(small.cast("uchar").write_to_memory()))


def rehearse() -> None:
    """Load whatever the libraries that decode stills load when they are first used, since later nothing
    can be opened by name.
    """
    rehearse_frames()
    by_pillow.rehearse()


def rehearse_frames() -> None:
    """Load whatever libvips loads when frames are first made of pixels."""
    grey = pyvips.Image.black(64, 48, bands=3).copy(interpretation="srgb") + 100
    _, thumbnail = picture_frame(grey.cast("uchar"))
    placeholder(thumbnail)
    perceptual_hash(thumbnail)
    dominant_colors(thumbnail)
