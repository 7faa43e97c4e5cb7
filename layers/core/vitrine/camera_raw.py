"""Which camera wrote a raw file whose container is TIFF: by its marks, its samples, or its make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vitrine import tiff

if TYPE_CHECKING:
    from vitrine.containers import Read

# Compression: Sony, Epson, Samsung (two), Kodak KDC, Nikon, Kodak DCR, Pentax; as ExifTool lists them.
_SENSOR_COMPRESSIONS: Final = frozenset({32767, 32769, 32770, 32772, 32867, 34713, 65000, 65535})
_RAW_MAKES: Final = (
    (b"NIKON", "image/x-nikon-nef"),
    (b"SONY", "image/x-sony-arw"),
    (b"PENTAX", "image/x-pentax-pef"),
    (b"RICOH", "image/x-pentax-pef"),
    (b"SAMSUNG", "image/x-samsung-srw"),
    (b"HASSELBLAD", "image/x-hasselblad-3fr"),
    (b"PHASE ONE", "image/x-phaseone-iiq"),
    (b"LEAF", "image/x-leaf-mos"),
    (b"MAMIYA", "image/x-mamiya-mef"),
    (b"KODAK", "image/x-kodak-dcr"),
    (b"EASTMAN KODAK", "image/x-kodak-dcr"),
    (b"SEIKO EPSON", "image/x-epson-erf"),
    (b"EPSON", "image/x-epson-erf"),
    (b"CANON", "image/x-canon-cr2"),
)
_PHASE_ONE: Final = re.compile(rb"IIII.waR|MMMMRaw.")
_OLD_JPEG: Final = 6  # Compression


def raw_type(read: Read) -> str | None:
    """The media type of a camera's raw file that is a TIFF; None for every other file.

    A DNG has the tag DNGVersion; a CR2 and an IIQ have a mark behind the header. Other raw files are known by
    a directory with samples of a sensor. Where such a directory lies beyond the bytes that `read` reaches,
    they are known by a camera's make beside a first directory that is only a reduced picture.
    """
    mark = read(8, 8)
    first = tiff.first(read)
    if first is None:
        return "image/x-phaseone-iiq" if read(0, 4) in tiff.SIGNATURES and _PHASE_ONE.match(mark) else None
    if tiff.DNG_VERSION in first:
        return "image/x-adobe-dng"
    if mark.startswith(b"CR\2"):
        return "image/x-canon-cr2"
    if _PHASE_ONE.match(mark):
        return "image/x-phaseone-iiq"
    make = first.text(tiff.MAKE).strip().upper()
    by_make = next((mime_type for start, mime_type in _RAW_MAKES if make.startswith(start)), None)
    if any(_is_of_sensor(each) for each in tiff.walk(read)):
        return by_make or "image/x-dcraw"
    is_reduced = first.number(tiff.NEW_SUBFILE_TYPE) & 1 or first.number(tiff.COMPRESSION) == _OLD_JPEG
    return by_make if tiff.SUB_IFDS in first and is_reduced else None


def _is_of_sensor(directory: tiff.Directory) -> bool:
    return (
        directory.number(tiff.PHOTOMETRIC) in tiff.SENSOR_COLOURS
        or directory.number(tiff.COMPRESSION) in _SENSOR_COMPRESSIONS
        or (tiff.CFA_PATTERN in directory and directory.number(tiff.SAMPLES_PER_PIXEL, 1) == 1)
    )
