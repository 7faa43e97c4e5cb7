"""Frame, thumbnail and placeholder of a picture: upright, in sRGB, without metadata.

This runs inside the child process, the only place where libvips is ever loaded.
"""

from collections.abc import Mapping
from dataclasses import replace
from io import FileIO
from typing import Any, Final

import pyvips
from pyvips import vips_lib

from vitrine import heif
from vitrine.camera_raw import raw_type
from vitrine.colours import Colours, read_colours
from vitrine.containers import file_span, png_chunks
from vitrine.content import HEAD_BYTES, Content, sniff
from vitrine.heif import brands
from vitrine.media_types import RAWS, STILLS
from vitrine.models.derived import Derived, DerivedFrame, Picture, Undecodable
from vitrine_imaging import by_pillow, by_preview, by_vips, exif, jpeg
from vitrine_imaging.by_vips import Original
from vitrine_imaging.models import DAMAGED, FRAME_EDGE, THUMBNAIL_EDGE, not_supported
from vitrine_imaging.perceptual import dominant_colors, perceptual_hash
from vitrine_imaging.reasons import reason
from vitrine_imaging.thumbhash import thumbhash

_HASH_EDGE: Final = 32  # pixels; 3.7 ms, against 19.8 ms from 100 pixels, for nearly the same bytes

_NOTHING: Final = 0  # ForeignKeep.NONE: no EXIF, no position, no profile


def derive(descriptor: int, *, max_pixels: int, max_animation_pixels: int, keep_gps: bool = False) -> Derived:
    """Return the frame, thumbnail, placeholder and metadata of the picture with which this open file begins.

    Bytes after the picture's end do not matter. Raises Undecodable.
    """
    # Errors that libvips reported late for an earlier file would otherwise count as errors of this one.
    vips_lib.vips_error_clear()
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        file.seek(0)  # the position is shared with the process that opened the file
        head = file.read(HEAD_BYTES)
        content = sniff(head)
        if not head:
            raise Undecodable("The file is empty")
        if content is None or content.mime_type not in STILLS:
            raise Undecodable("The file is not a picture of a type that is taken")
        _check_pixels(content.width or 0, content.height or 0, max_pixels)
        metadata = exif.read(file, content.mime_type, keep_gps=keep_gps)
        try:
            original = _open(file, head, content, metadata, max_pixels)
            # Checked again with the decoder's own numbers, since our reading of the headers may differ.
            _check_pixels(original.width, original.height, max_pixels)
            _check_animation(original, max_animation_pixels)
            derived = _derive_pictures(original)
        except pyvips.Error as error:
            raise Undecodable(reason(str(error))) from None
        shown = original.orientation if original.orientation is not None else content.orientation
    return replace(
        derived,
        exif=_without_other_orientation(metadata.exif, shown),
        taken_at=metadata.taken_at,
        taken_zone=metadata.taken_zone,
    )


def _open(
    file: FileIO, head: bytes, content: Content, metadata: exif.ExifMetadata, max_pixels: int
) -> Original:
    mime_type = content.mime_type
    raw = mime_type if mime_type in RAWS else None
    if mime_type == "image/tiff":
        raw = raw_type(by_vips.reader(file))
    if raw is not None:  # also of a TIFF whose first directory lies beyond its head
        return by_preview.open_preview(file, raw, max_pixels=max_pixels)
    _check_coding(file, head, mime_type)
    if mime_type == "image/avif" and b"avis" not in brands(head):
        return _open_avif(file, read_colours(head), max_pixels)
    if mime_type not in by_vips.LOADERS or b"avis" in brands(head):
        if mime_type in {"image/heic", "image/heif"}:
            return by_pillow.open_heif(file, read_colours(head))
        return by_pillow.open_with_pillow(
            file, "AVIF" if mime_type == "image/avif" else "BMP", read_colours(head), max_pixels=max_pixels
        )
    if mime_type == "image/png":
        # libvips reads no EXIF behind the pixels, and none in a text chunk
        turned = (metadata.exif or {}).get("orientation", 1)
        return replace(
            by_vips.open_original(file, mime_type, read_colours(head), orientation=turned),
            pictures=_count_png_pictures(file),
        )
    return by_vips.open_original(file, mime_type, read_colours(head))


def _check_coding(file: FileIO, head: bytes, mime_type: str) -> None:
    """Raise Undecodable for a whole file that is coded in a way that the packaged decoders do not read."""
    frame = jpeg.read_frame_header(file_span(file)) if mime_type == "image/jpeg" else None
    if frame is not None and frame.not_supported is not None:
        raise Undecodable(not_supported(frame.not_supported))
    if mime_type == "image/png" and head[12:16] == b"CgBI":
        raise Undecodable(not_supported("Apple's variant of PNG (CgBI)"))
    if mime_type == "image/avif" and (coding := heif.other_coding(file_span(file), b"av01")):
        raise Undecodable(not_supported(f"AVIF with pictures coded as {coding}"))


def _open_avif(file: FileIO, coded: Colours | None, max_pixels: int) -> Original:
    """Open an AVIF with libheif, and with Pillow's libavif where libheif cannot decode it.

    A file that exceeds a limit of libheif fails, and is not tried again.
    """
    original = by_vips.open_original(file, "image/avif", coded)

    def render(edge: int) -> pyvips.Image:
        try:
            return original.render(edge)
        except pyvips.Error as error:
            first = reason(str(error))
            if first != DAMAGED and not first.startswith(not_supported("")):
                raise
        try:
            return by_pillow.open_with_pillow(file, "AVIF", coded, max_pixels=max_pixels).render(edge)
        except MemoryError:
            raise Undecodable(first) from None
        except Undecodable as second:
            raise Undecodable(
                second.reason if first == DAMAGED and second.reason.startswith(not_supported("")) else first
            ) from None

    return replace(original, render=render)


def _without_other_orientation(
    metadata: Mapping[str, Any] | None, orientation: int
) -> Mapping[str, Any] | None:
    """The EXIF, without its orientation if the picture is shown in another: HEIF's boxes override EXIF (ISO
    23008-12).
    """
    if metadata is None or metadata.get("orientation", orientation) == orientation:
        return metadata
    return {name: value for name, value in metadata.items() if name != "orientation"} or None


def _derive_pictures(original: Original) -> Derived:
    """Every format is rendered here, as an upright sRGB frame and thumbnail in memory."""
    frame = _to_srgb(original.render(FRAME_EDGE))
    if frame.hasalpha() and frame[frame.bands - 1].min() == 255:
        # Screenshots have an alpha channel, and nothing transparent in it.
        frame = frame.extract_band(0, n=frame.bands - 1)
    shown, thumbnail = make_frame(frame)
    return Derived(
        width=original.width,
        height=original.height,
        frames=(shown,),
        placeholder=make_placeholder(thumbnail),
        perceptual_hash=perceptual_hash(thumbnail),
        colors=dominant_colors(thumbnail),
    )


def _to_srgb(image: pyvips.Image) -> pyvips.Image:
    """The picture in three channels of 8 bits, or four where it has opacity."""
    if image.interpretation == "srgb" and image.format == "uchar" and image.bands <= 4:
        return image
    image = image.colourspace("srgb")  # grey, 16 bits
    if image.bands > 4:
        # With several channels beside the colours, none of them is known to be opacity.
        image = image.extract_band(0, n=3)
    return image.cast("uchar").copy_memory()


def _count_png_pictures(file: FileIO) -> int:
    """The number of pictures that `acTL` states, a chunk before the pixels (PNG, 11.3.6). libvips does not
    report it.
    """
    for name, chunk in png_chunks(file_span(file)):
        if name == b"acTL":
            return int.from_bytes(chunk.available(0, 4), "big")
        if name == b"IDAT":
            break
    return 1


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        pixels, limit = _megapixels(width * height), _megapixels(max_pixels)
        raise Undecodable(f"The picture has {pixels} megapixels; the limit is {limit}")


def _check_animation(original: Original, most: int) -> None:
    """Only the first picture is decoded here, but a browser that shows the original decodes them all."""
    count, pixels = original.pictures, original.pictures * original.width * original.height
    if count > 1 and pixels > most:
        raise Undecodable(
            f"The animation has {count} pictures of {_megapixels(pixels)} megapixels in all;"
            f" the limit is {_megapixels(most)}"
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


def make_frame(picture: pyvips.Image, *, at_seconds: float = 0.0) -> tuple[DerivedFrame, pyvips.Image]:
    """Encode a still, or one frame of a video, and its thumbnail. The thumbnail is returned as an image as
    well.

    `picture`: in memory, upright, in sRGB, no larger than a frame may be.
    """
    thumbnail = picture.thumbnail_image(THUMBNAIL_EDGE, height=THUMBNAIL_EDGE, size="down").copy_memory()
    return DerivedFrame(
        _webp(picture, effort=2) if picture.hasalpha() else _jpeg(picture),
        _webp(thumbnail, effort=4),
        at_seconds,
    ), thumbnail


def make_placeholder(image: pyvips.Image) -> bytes:
    """The picture's ThumbHash."""
    small = image.thumbnail_image(_HASH_EDGE, height=_HASH_EDGE, size="down")
    if not small.hasalpha():
        small = small.bandjoin(255)
    return thumbhash(small.width, small.height, bytes(small.cast("uchar").write_to_memory()))


def warm_up() -> None:
    """Load all that the libraries for stills load at first use, since later nothing can be opened by name."""
    warm_up_frames()
    by_pillow.warm_up()


def warm_up_frames() -> None:
    """Load all that libvips loads when it first encodes frames."""
    grey = pyvips.Image.black(64, 48, bands=3).copy(interpretation="srgb") + 100
    _, thumbnail = make_frame(grey.cast("uchar"))
    make_placeholder(thumbnail)
    perceptual_hash(thumbnail)
    dominant_colors(thumbnail)
