"""The time at which a picture was taken, by its XMP packet (ISO 16684-1).

There is no XML parser here: a date is found by its name alone, as an attribute or an element, so nothing in
the packet is ever resolved or expanded.
"""

import re
from datetime import UTC, datetime, timezone
from typing import Final

from vitrine_imaging.clocks import is_plausible, read_zone, zone_text

# When the picture was taken, then when it was digitized; of each, EXIF's own name before the one that the
# Metadata Working Group gives it.
_DATES: Final = tuple(
    re.compile(
        rb"""\b%s\s{0,8}(?:=\s{0,8}["']|[^<>]{0,200}>\s{0,64})(\d{4}-\d\d-\d\dT[0-9:.+Z-]{5,30})\s{0,64}["'<]"""
        % name
    )
    for name in (
        rb"exif:DateTimeOriginal",
        rb"photoshop:DateCreated",
        rb"exif:DateTimeDigitized",
        rb"(?:xmp|xap):CreateDate",
    )
)
_XMP_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII
)


def read_time(packet: bytes) -> tuple[datetime | None, str | None]:
    """The moment, as if in UTC where no zone is stated, and the zone ("+02:00"); each None where none is
    stated.
    """
    for pattern in _DATES:
        date = pattern.search(packet)
        written = None if date is None else _XMP_TIME.fullmatch(date[1].decode("ascii"))
        if written is None or not is_plausible(int(written[1][:4])):
            continue
        zone = read_zone(written[4] or "")
        try:
            moment = datetime.fromisoformat(written[1] + (written[2] or ":00"))
        except ValueError:  # the thirtieth of February
            continue
        fraction = int((written[3] or "0")[:6].ljust(6, "0"))
        moment = moment.replace(microsecond=fraction, tzinfo=UTC if zone is None else timezone(zone))
        return moment, None if zone is None else zone_text(moment)
    return None, None
