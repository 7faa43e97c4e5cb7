"""Camera raw: shown by the largest JPEG that the camera, or a raw converter, has put into the file. No sample
of the sensor is decoded.

Where previews lie: dcraw and ExifTool (tags of PreviewImage, JpgFromRaw, OtherImage), DNG 1.7, "Preview
Images".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from vitrine import tiff
from vitrine.models.derived import Undecodable
from vitrine_imaging import by_vips, jpeg
from vitrine_imaging.models import not_supported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from vitrine_imaging.by_vips import Original

# PhotometricInterpretation of samples, masks, depth, semantic masks
_NO_PICTURE: Final = tiff.SENSOR_COLOURS | {4, 51177, 52527}
_JPEG: Final = frozenset({6, 7})  # Compression
_SAME_SHAPE: Final = 0.02  # by which the ratio of a preview's edges may differ from that of the whole picture


class _Preview(NamedTuple):
    pixels: int
    width: int
    height: int
    at: int
    size: int  # bytes


def opened(file: FileIO, mime_type: str, *, max_pixels: int) -> Original:
    """The raw file's largest preview of at most `max_pixels`, turned as the raw file's first directory says.

    Its size is the one that a DNG states for the finished picture (DefaultCropSize), otherwise that of the
    preview. Raises Undecodable where
    there is no preview; pyvips.Error.
    """
    read = by_vips.reader(file)
    directories = list(tiff.walk(read))
    found = [preview for each in directories for preview in _previews(read, each)]
    shown = max((each for each in found if each.pixels <= max_pixels), default=None)
    if shown is None:
        raise Undecodable(
            not_supported(f"a camera's raw file ({mime_type}) without a JPEG preview within the limits")
        )
    turned = directories[0].number(tiff.ORIENTATION, 1)
    size = _finished_size(directories, shown, max_pixels)
    return by_vips.jpeg_within(
        file, shown.at, shown.size, orientation=turned if 1 <= turned <= 8 else 1, size_shown=size
    )


def _previews(read: tiff.Read, directory: tiff.Directory) -> Iterator[_Preview]:
    """The JPEGs that the directory points to and that any decoder of JPEG reads."""
    places = [(directory.number(tiff.JPEG_OFFSET), directory.number(tiff.JPEG_BYTES))]
    if directory.number(tiff.COMPRESSION) in _JPEG and directory.count(tiff.STRIP_OFFSETS) == 1:
        places.append((directory.number(tiff.STRIP_OFFSETS), directory.number(tiff.STRIP_BYTE_COUNTS)))
    if directory.number(tiff.PHOTOMETRIC) in _NO_PICTURE:
        return
    for at, size in places:
        found = jpeg.start_of_frame(read, at, size) if at > 0 and size > 0 else None
        # Lossless and deep JPEGs are what the samples of a sensor are written in.
        if (
            found is not None
            and found.not_supported is None
            and found.channels in (1, 3)
            and found.width
            and found.height
        ):
            yield _Preview(found.width * found.height, found.width, found.height, at, size)


def _finished_size(directories: list[tiff.Directory], shown: _Preview, max_pixels: int) -> tuple[int, int]:
    """Width and height as stored."""
    for each in directories:
        stated = each.numbers(tiff.DEFAULT_CROP_SIZE, 2)
        if len(stated) < 2 or each.number(tiff.NEW_SUBFILE_TYPE) != 0:
            continue
        width, height = round(stated[0]), round(stated[1])
        alike = height > 0 and abs(width / height * shown.height / shown.width - 1) < _SAME_SHAPE
        if alike and width >= shown.width and width * height <= max_pixels:
            return width, height
    return shown.width, shown.height
