"""Years and time zones as cameras and picture editors write them."""

import re
from datetime import datetime, timedelta
from typing import Final

from vitrine_imaging.models import FIRST_YEAR, LAST_YEAR

_ZONE: Final = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)


def is_plausible(year: int) -> bool:
    """Whether a picture can have been taken in this year."""
    return FIRST_YEAR <= year <= LAST_YEAR


def read_zone(text: str) -> timedelta | None:
    """The offset from UTC, east positive, that "+02:00", "+0200" or "Z" states; None for texts that state
    none.

    No zone lies beyond -12:00 and +14:00.
    """
    if text == "Z":
        return timedelta(0)
    written = _ZONE.fullmatch(text)
    if written is None or int(written[3]) > 59:
        return None
    offset = timedelta(hours=int(written[2]), minutes=int(written[3])) * (-1 if written[1] == "-" else 1)
    return offset if timedelta(hours=-12) <= offset <= timedelta(hours=14) else None


def zone_text(moment: datetime) -> str:
    """The zone of a moment that has one: "+02:00"."""
    return moment.isoformat()[-6:]
