"""Camera, lens, settings, time and place of a picture, by its EXIF (CIPA DC-008, Exif 3.0).

This runs inside the decoder's child process. It reads the few entries that are kept, and of each no more than
is kept; what others claim, however long, deep or often, is passed over. No pixel is decoded: Pillow would
decode them where a PNG has its EXIF behind them, and it would read a HEIC or AVIF whole.
"""

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timezone
from typing import Any, BinaryIO, Final
from unicodedata import normalize

from vitrine import tiff
from vitrine.containers import Span, Truncated, file_span
from vitrine_imaging import metadata_blocks, xmp
from vitrine_imaging.clocks import is_plausible, read_zone, zone_text

MOST_TEXT: Final = 200  # characters of a name
_MOST_BYTES: Final = 1024  # of a text, before its characters are counted


@dataclass(frozen=True, slots=True)
class ExifMetadata:
    """What a picture states about how, when and where it was taken."""

    exif: Mapping[str, Any] | None = None  # JSON; None: nothing that is kept
    taken_at: datetime | None = None  # by the camera's clock; as if in UTC where no zone is stated
    taken_zone: str | None = None  # "+02:00"; None: unknown


# What bytes that claim to be EXIF, and are not, can make the functions here raise. Any other exception is an
# error of this module.
_MALFORMED: Final = (Truncated, ValueError, ArithmeticError, struct.error)


def read(file: BinaryIO, mime_type: str, *, keep_gps: bool) -> ExifMetadata:
    """The picture's metadata, with the place only with `keep_gps`; the time comes from XMP where EXIF has
    none.

    No file makes this raise, or take long: a picture is worth no less for malformed metadata.
    """
    try:
        return _read(file_span(file), mime_type, keep_gps=keep_gps)
    except _MALFORMED:
        return ExifMetadata()


def _read(file: Span, mime_type: str, *, keep_gps: bool) -> ExifMetadata:
    block = metadata_blocks.exif_block(file, mime_type)
    metadata = ExifMetadata() if block is None else _read_block(block, keep_gps=keep_gps)
    if metadata.taken_at is not None:
        return metadata
    taken_at, zone = xmp.read_time(metadata_blocks.xmp_packet(file, mime_type))
    return replace(metadata, taken_at=taken_at, taken_zone=zone)


_EXIF, _GPS = 0x8769, 0x8825  # in the first directory: the offsets of the other two


def _read_block(block: Span, *, keep_gps: bool) -> ExifMetadata:
    picture = tiff.first(block.available)
    if picture is None:
        return ExifMetadata()
    values: dict[str, Any] = {
        "make": _text(picture, 0x010F),
        "model": _text(picture, 0x0110),
        "software": _text(picture, 0x0131),
        "orientation": _number(picture, 0x0112, 1, 8),
    }
    taken: tuple[datetime | None, str | None] = None, None
    camera = picture.directory(_EXIF)
    if camera is not None:
        flash = _number(camera, 0x9209, 0, 0xFFFF)
        values |= {
            "lens": _text(camera, 0xA434),
            "exposureTime": _number(camera, 0x829A, 1e-9, 1e6),
            "fNumber": _number(camera, 0x829D, 0.1, 1000),
            "iso": _iso(camera),
            "focalLength": _number(camera, 0x920A, 0.1, 100_000),
            "focalLength35mm": _number(camera, 0xA405, 1, 0xFFFF),
            "flash": None if flash is None else bool(int(flash) & 1),
        }
        # Not the first directory's: that is when the file was last written, by whatever program.
        taken = _time(camera, 0x9003, 0x9291, 0x9011) or _time(camera, 0x9004, 0x9292, 0x9012) or taken
    place = picture.directory(_GPS) if keep_gps else None
    if place is not None:
        values["gps"] = _gps(place)
    kept = {name: value for name, value in values.items() if value is not None}
    return ExifMetadata(kept or None, *taken)


def _text(directory: tiff.Directory, tag: int) -> str | None:
    """The tag's text: printable, in one line, at most `MOST_TEXT` characters; None where nothing is left."""
    stored = directory.text(tag, _MOST_BYTES)
    try:
        text = stored.decode()
    except UnicodeDecodeError:
        text = stored.decode("latin-1")
    words = "".join(
        character if character.isprintable() else " " for character in normalize("NFC", text)
    ).split()
    return " ".join(words)[:MOST_TEXT].rstrip() or None


def _number(directory: tiff.Directory, tag: int, least: float, most: float) -> float | None:
    """The tag's first number, to six digits, whole ones as integers; None where it is not between the two."""
    for number in _numbers(directory, tag, 1):
        if least <= number <= most:
            return int(number) if number.is_integer() else float(f"{number:.6g}")
    return None


def _numbers(directory: tiff.Directory, tag: int, most: int) -> tuple[float, ...]:
    """At most `most` numbers of the tag; none where one is x/0, which is how cameras write that they do not
    know.
    """
    return tuple(map(float, directory.numbers(tag, most, undefined=math.nan)))


def _iso(camera: tiff.Directory) -> float | None:
    """65535 means that the speed does not fit there: then one of the longer entries has it."""
    speed = _number(camera, 0x8827, 1, 0xFFFE)
    return speed if speed is not None else _number(camera, 0x8833, 1, 1e9) or _number(camera, 0x8832, 1, 1e9)


_TIME: Final = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)


def _time(
    camera: tiff.Directory, time_tag: int, fraction_tag: int, zone_tag: int
) -> tuple[datetime, str | None] | None:
    written = _TIME.match(_text(camera, time_tag) or "")
    if written is None or not is_plausible(int(written[1])):
        return None
    fraction = re.match(r"\d{1,6}", _text(camera, fraction_tag) or "", re.ASCII)
    zone = read_zone(_text(camera, zone_tag) or "")
    try:
        moment = datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*written.groups()))
    except ValueError:  # the thirtieth of February, a second of 60
        return None
    moment = moment.replace(
        microsecond=int(fraction[0].ljust(6, "0")) if fraction else 0,
        tzinfo=UTC if zone is None else timezone(zone),
    )
    return moment, None if zone is None else zone_text(moment)


def _gps(place: tiff.Directory) -> dict[str, float] | None:
    latitude, longitude = _degrees(place, 1, 2, "S", 90), _degrees(place, 3, 4, "W", 180)
    if latitude is None or longitude is None:
        return None
    position = {"latitude": latitude, "longitude": longitude}
    altitude = _numbers(place, 6, 1)
    if altitude and 0 <= altitude[0] <= 100_000:
        # 1 in the tag beside it: below the sea
        position["altitude"] = round(altitude[0], 1) * (-1 if _number(place, 5, 1, 1) else 1)
    return position


def _degrees(place: tiff.Directory, side: int, tag: int, negative: str, most: int) -> float | None:
    """Degrees, minutes and seconds as one number: to a tenth of a metre."""
    parts = _numbers(place, tag, 3)
    if not parts or any(part < 0 for part in parts):
        return None
    degrees = sum(part / 60**power for power, part in enumerate(parts))
    return None if degrees > most else round(-degrees if _text(place, side) == negative else degrees, 6)
