"""The formats that libvips opens: JPEG, PNG, GIF, WebP, AVIF, TIFF.

Importing this module loads libvips, so only the child process imports it.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyvips

from vitrine_imaging import by_tiff, tiff_samples, tones

if TYPE_CHECKING:
    from io import FileIO

    from vitrine.colours import Colours
    from vitrine.containers import Read

LOADERS: Final = {
    "image/jpeg": "VipsForeignLoadJpeg",
    "image/png": "VipsForeignLoadPng",
    "image/gif": "VipsForeignLoadNsgif",
    "image/webp": "VipsForeignLoadWebp",
    "image/avif": "VipsForeignLoadHeif",
    "image/tiff": "VipsForeignLoadTiff",
}
_MOVING: Final = frozenset({"image/gif", "image/webp"})

pyvips.cache_set_max(0)  # no picture is decoded twice
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in LOADERS.values():
    pyvips.operation_block_set(_loader, False)


@dataclass(frozen=True, slots=True)
class Original:
    """A file whose header is read, and whose pixels are not decoded yet."""

    width: int  # pixels as shown, that is, upright
    height: int
    # (long edge in pixels) -> the picture, upright, no larger than that; in sRGB where it has a profile
    render: Callable[[int], pyvips.Image]
    pictures: int = 1  # more in an animation; the first is the one that is shown
    orientation: int | None = None  # EXIF's, by which `render` turns the stored picture; None: unknown


def open_original(
    file: FileIO, mime_type: str, colours: Colours | None = None, *, orientation: int | None = None
) -> Original:
    """Open a file of a type in `LOADERS`. Raises pyvips.Error, Undecodable.

    `colours`: their coding as the file states it in numbers, which libvips does not read. `orientation`:
    EXIF's, for files in which the loader may not find it.
    """
    # First, because libvips does not report why it cannot read such files.
    samples = tiff_samples.read_samples(reader(file)) if mime_type == "image/tiff" else None
    # kept for as long as `render`, which reads it
    readable = None if samples is None else _without_invalid_entries(file)
    header = pyvips.Image.new_from_source(_source(file, mime_type, readable), "", access="sequential")
    pictures = _integer(header, "n-pages") if mime_type in _MOVING else 1

    def render(edge: int) -> pyvips.Image:
        # From the beginning. In a variable, so that the source exists until all of it is read.
        source = _source(file, mime_type, readable)
        if mime_type == "image/jpeg":
            return _part_of_jpeg(source, header, edge)
        if mime_type == "image/webp":
            # As the loader's own option: libvips 8.18.7 does not pass on thumbnail_source's fail_on, and
            # shows half a picture.
            options = _profile(without_unusable_profile(header))
            picture = pyvips.Image.thumbnail_source(
                source, edge, height=edge, size="down", option_string="[fail_on=truncated]", **options
            )
        elif samples is not None:
            return by_tiff.render(
                samples, lambda: _tiff(file, readable), lambda image: shrink(image, edge).copy_memory()
            )
        else:
            # thumbnail_source would look for a smaller page of a TIFF and a thumbnail within an AVIF, which
            # may show something else.
            whole = pyvips.Image.new_from_source(source, "", access="sequential", fail_on="truncated")
            picture = shrink(whole if orientation is None else oriented(whole, orientation), edge, colours)
        # Otherwise a second encoder would read a stream that has ended ("out of order read").
        return picture.copy_memory()

    width, height = header.width, header.height
    turned = _integer(header, "orientation") if orientation is None else orientation
    if turned >= 5:
        width, height = height, width
    return Original(width, height, render, pictures, turned)


def open_jpeg_within(
    file: FileIO, at: int, size: int, *, orientation: int, size_shown: tuple[int, int]
) -> Original:
    """Open a JPEG of `size` bytes at the offset `at` of a file. It is turned by `orientation`; its own EXIF
    is ignored.

    `size_shown`: width and height, before turning, of the picture for which the JPEG is shown. Raises
    pyvips.Error.
    """
    header = pyvips.Image.new_from_source(_streamed(_Window(file, at, size)), "", access="sequential")

    def render(edge: int) -> pyvips.Image:
        return _part_of_jpeg(_streamed(_Window(file, at, size)), header, edge, orientation)

    width, height = size_shown if orientation < 5 else reversed(size_shown)
    return Original(width, height, render, orientation=orientation)


class _Window:
    """A part of a file with the interface of a file of its own."""

    def __init__(self, file: FileIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def read(self, size: int) -> bytes:
        self._file.seek(self._start + self._at)
        piece = self._file.read(max(0, min(size, self._size - self._at)))
        self._at += len(piece)
        return piece

    def seek(self, offset: int, whence: int) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at


def _part_of_jpeg(
    source: pyvips.Source, header: pyvips.Image, edge: int, orientation: int | None = None
) -> pyvips.Image:
    """The JPEG in memory, upright. It is decoded at a half, a quarter or an eighth where that is large
    enough.

    thumbnail_source would decode twice the size.
    """
    scale = min(1.0, edge / max(header.width, header.height))
    part = max(part for part in (1, 2, 4, 8) if part * scale <= 1)
    image = pyvips.Image.new_from_source(source, "", access="sequential", fail_on="truncated", shrink=part)
    # computed from the whole, because rounding a part's size would be a pixel off
    width, height = (max(1, round(edge * scale)) for edge in (header.width, header.height))
    image = without_unusable_profile(image)
    picture = image.thumbnail_image(
        width, height=height, size="force", no_rotate=True, **_profile(image)
    ).copy_memory()
    return (picture if orientation is None else oriented(picture, orientation)).autorot()


def shrink(image: pyvips.Image, edge: int, colours: Colours | None = None) -> pyvips.Image:
    """The image, upright, its long edge at most `edge`; in sRGB where a profile or `colours` describe its
    colours.
    """
    if colours is not None and tones.differ(colours):
        return tones.to_srgb(_small(image, edge), colours)
    image = without_unusable_profile(image)
    return image.thumbnail_image(edge, height=edge, size="down", **_profile(image))


def _small(image: pyvips.Image, edge: int) -> pyvips.Image:
    """The image, upright, its long edge at most `edge`, without loss of bits: thumbnail_image keeps 8, too
    few for PQ.
    """
    # libvips adds Display P3's profile because of the primaries, whatever the transfer.
    if _has(image, _PROFILE):
        image = image.copy()
        image.remove(_PROFILE)
    scale = min(1.0, edge / max(image.width, image.height))
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in (image.width, image.height))
        mixed = image.premultiply() if image.hasalpha() else image
        mixed = mixed.resize(width / image.width, vscale=height / image.height)
        image = (mixed.unpremultiply() if image.hasalpha() else mixed).cast(image.format)
    return image.copy_memory().autorot()


def oriented(image: pyvips.Image, orientation: int) -> pyvips.Image:
    """A copy of the image, with the orientation (EXIF's) by which `autorot` turns it."""
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return image


def without_unusable_profile(image: pyvips.Image) -> pyvips.Image:
    """Return the image itself, or a copy without its colour profile where the profile cannot be used.

    A profile may be cut short, damaged, or of another colour model. Little CMS reports this only when it
    transforms pixels, so a probe of two pixels is transformed to sRGB: one with all channels at 0, one with
    all at 255. The profile is also unusable if the two results have too little contrast (_LEAST_CONTRAST), or
    if the lighter one is coloured (_MOST_TINT).
    """
    if not _has(image, _PROFILE):
        return image
    colours = image.bands - (1 if image.hasalpha() else 0)
    try:
        probe = pyvips.Image.new_from_memory(bytes(colours) + b"\xff" * colours, 2, 1, colours, "uchar")
        probe = probe.copy(interpretation=_EIGHT_BITS.get(str(image.interpretation), image.interpretation))
        probe.set_type(pyvips.GValue.blob_type, _PROFILE, image.get(_PROFILE))
        shown = bytes(
            probe.thumbnail_image(2, height=1, size="down", output_profile="srgb")
            .cast("uchar")
            .write_to_memory()
        )
        black, white = sorted((shown[: len(shown) // 2], shown[len(shown) // 2 :]), key=sum)
        if (sum(white) - sum(black)) / len(white) >= _LEAST_CONTRAST and max(white) - min(
            white
        ) <= _MOST_TINT:
            return image
    except pyvips.Error:
        pass
    image = image.copy()
    image.remove(_PROFILE)
    return image


_PROFILE: Final = "icc-profile-data"
_EIGHT_BITS: Final = {"rgb16": "srgb", "grey16": "b-w"}
_LEAST_CONTRAST: Final = 32  # of 255, between a profile's black and white; those of newsprint have 150
# of 255, between the channels of a profile's white, which a rendering intent makes the paper's
_MOST_TINT: Final = 32


def _has(image: pyvips.Image, field: str) -> bool:
    """Whether the image has the field. `get_fields` fails where a name is not in UTF-8; those of PNG's texts
    are Latin-1.
    """
    return bool(image.get_typeof(field))


def _integer(image: pyvips.Image, field: str) -> int:
    """The field's number; 1 where the file does not state it."""
    value = image.get(field) if _has(image, field) else 1
    return value if isinstance(value, int) else 1


def _profile(image: pyvips.Image) -> dict[str, Any]:
    """The options for colour management. A picture without a profile has none: it would take 3.5 times as
    long.
    """
    return {"output_profile": "srgb"} if _has(image, _PROFILE) or image.interpretation == "cmyk" else {}


def _tiff(file: FileIO, readable: mmap.mmap | None) -> pyvips.Image:
    source = _source(file, "image/tiff", readable)
    # "truncated" shows half a TIFF
    return pyvips.Image.new_from_source(source, "", access="sequential", fail_on="error")


def _without_invalid_entries(file: FileIO) -> mmap.mmap | None:
    """The file in memory, with the tags renamed that libtiff reports as errors; None where there are none.

    Only the changed pages of it are copies.
    """
    places = by_tiff.invalid_entries(reader(file))
    if not places:
        return None
    copy = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    for place in places:
        copy[place : place + 2] = by_tiff.UNKNOWN_TAG
    return copy


def reader(file: FileIO) -> Read:
    """A function that reads the file's bytes at any offset. It does not move the file's position, from which
    libvips reads.
    """

    def read(at: int, size: int) -> bytes:
        return os.pread(file.fileno(), size, at) if at < 1 << 63 else b""

    return read


def _source(file: FileIO, mime_type: str, readable: mmap.mmap | None = None) -> pyvips.Source:
    """The file from its beginning, or `readable` in its place. A file, not a buffer, so that rows are read as
    needed.
    """
    if readable is not None:
        return pyvips.Source.new_from_memory(memoryview(readable))
    file.seek(0)
    if mime_type != "image/jpeg":
        return pyvips.Source.new_from_descriptor(file.fileno())
    return _streamed(file)


def _streamed(file: FileIO | _Window) -> pyvips.Source:
    # libvips would map the whole file to find its type, and a gigabyte may follow the picture. A source that
    # cannot be mapped is streamed. For JPEG that costs nothing measurable; other loaders would copy the file
    # into memory.
    source = pyvips.SourceCustom()
    source.on_read(file.read)
    source.on_seek(file.seek)
    return source
