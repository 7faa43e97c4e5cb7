"""Camera raw files, shown by the largest JPEG that the camera, or a raw converter, has put into them.

No sample of the sensor is decoded. Sources for where previews lie: dcraw and ExifTool (tags of PreviewImage,
JpgFromRaw, OtherImage), DNG 1.7, "Preview Images".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from vitrine import tiff
from vitrine.containers import Span
from vitrine.models.derived import Undecodable
from vitrine_imaging import by_vips, jpeg
from vitrine_imaging.models import not_supported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from vitrine.containers import Read
    from vitrine_imaging.by_vips import Original

# PhotometricInterpretation of directories without a finished picture: a sensor's samples, transparency masks,
# depth maps, semantic masks
_PHOTOMETRICS_WITHOUT_PICTURE: Final = tiff.SENSOR_COLOURS | {4, 51177, 52527}
_JPEG: Final = frozenset({6, 7})  # Compression
_SAME_SHAPE: Final = 0.02  # by which the ratio of a preview's edges may differ from that of the whole picture


class _Preview(NamedTuple):
    pixels: int
    width: int
    height: int
    at: int
    size: int  # bytes


def open_preview(file: FileIO, mime_type: str, *, max_pixels: int) -> Original:
    """Open the raw file's largest preview of at most `max_pixels`, turned by the orientation in the first
    directory.

    Its size is the one that a DNG states for the finished picture (DefaultCropSize), otherwise that of the
    preview. Raises Undecodable where there is no preview; pyvips.Error.
    """
    read = by_vips.reader(file)
    directories = list(tiff.walk(read))
    previews = [preview for each in directories for preview in _previews(read, each)]
    shown = max((each for each in previews if each.pixels <= max_pixels), default=None)
    if shown is None:
        raise Undecodable(
            not_supported(f"a camera's raw file ({mime_type}) without a JPEG preview within the limits")
        )
    turned = directories[0].number(tiff.ORIENTATION, 1)
    size = _finished_size(directories, shown, max_pixels)
    return by_vips.open_jpeg_within(
        file, shown.at, shown.size, orientation=turned if 1 <= turned <= 8 else 1, size_shown=size
    )


def _previews(read: Read, directory: tiff.Directory) -> Iterator[_Preview]:
    """The JPEGs to which the directory points and that every JPEG decoder reads."""
    places = [(directory.number(tiff.JPEG_OFFSET), directory.number(tiff.JPEG_BYTES))]
    if directory.number(tiff.COMPRESSION) in _JPEG and directory.count(tiff.STRIP_OFFSETS) == 1:
        places.append((directory.number(tiff.STRIP_OFFSETS), directory.number(tiff.STRIP_BYTE_COUNTS)))
    if directory.number(tiff.PHOTOMETRIC) in _PHOTOMETRICS_WITHOUT_PICTURE:
        return
    for at, size in places:
        frame = jpeg.read_frame_header(Span(read, at, size)) if at > 0 and size > 0 else None
        # Cameras write the samples of a sensor as lossless or deep JPEGs.
        if (
            frame is not None
            and frame.not_supported is None
            and frame.channels in (1, 3)
            and frame.width
            and frame.height
        ):
            yield _Preview(frame.width * frame.height, frame.width, frame.height, at, size)


def _finished_size(directories: list[tiff.Directory], shown: _Preview, max_pixels: int) -> tuple[int, int]:
    """Width and height of the finished picture, before turning."""
    for each in directories:
        stated = each.numbers(tiff.DEFAULT_CROP_SIZE, 2)
        if len(stated) < 2 or each.number(tiff.NEW_SUBFILE_TYPE) != 0:
            continue
        width, height = round(stated[0]), round(stated[1])
        alike = height > 0 and abs(width / height * shown.height / shown.width - 1) < _SAME_SHAPE
        if alike and width >= shown.width and width * height <= max_pixels:
            return width, height
    return shown.width, shown.height
