"""What a decoding child says of a file, in messages of `wire.py`: a head in JSON, then each frame's picture
and thumbnail.

Written by the child, read and checked by its parent: whoever breaks a decoder speaks for it from then on.
"""

import json
import traceback
from collections.abc import Callable, Mapping, Set
from datetime import datetime
from typing import Any, Final

from vitrine.content import MOST_EDGE, sniff
from vitrine.errors import InternalError
from vitrine.models.derived import Derived, Frame, Picture, Undecodable
from vitrine_imaging.models import FIRST_YEAR, FRAME_EDGE, LAST_YEAR, THUMBNAIL_EDGE

MOST_HEAD: Final = 256 * 1024  # bytes
_MOST_PICTURE: Final = 64 * 1024 * 1024  # 2400 x 2400 pixels of noise are some 8 MB
_MOST_THUMBNAIL: Final = 4 * 1024 * 1024
MOST_FRAMES: Final = 64
_MOST_COLORS: Final = 16
_MOST_TRACE: Final = 16 * 1024  # characters of a traceback; its end tells most
_MOST_QUANTITY: Final = 1e12  # of whatever there is that much of

Say = Callable[[bytes], None]
Hear = Callable[[int], bytes]  # the next message, of at most so many bytes


def reject(say: Say, reason: str) -> None:
    say(json.dumps({"reason": reason}).encode())


def report(say: Say, error: Exception) -> None:
    """Send an exception that our own code raised, with its traceback."""
    trace = "".join(traceback.format_exception(error))
    say(json.dumps({"internal_error": type(error).__qualname__, "trace": trace[-_MOST_TRACE:]}).encode())


def give(say: Say, derived: Derived) -> None:
    """Send what was derived. Nothing is sent where this raises: then `report` can still be the answer."""
    for message in _messages(derived):
        say(message)


def _messages(derived: Derived) -> list[bytes]:
    head: dict[str, Any] = {
        "width": derived.width,
        "height": derived.height,
        "placeholder": derived.placeholder.hex(),
        "perceptual_hash": derived.perceptual_hash,
        "colors": derived.colors,
        "exif": derived.exif,
        "taken_at": derived.taken_at and derived.taken_at.isoformat(),
        "taken_zone": derived.taken_zone,
        "duration": derived.duration,
        "codec": derived.codec,
        "frame_rate": derived.frame_rate,
        "frames": [[frame.at_seconds, frame.end_seconds] for frame in derived.frames],
    }
    pictures = [picture for frame in derived.frames for picture in (frame.picture, frame.thumbnail)]
    return [json.dumps(head).encode(), *(bytes(picture.data) for picture in pictures)]


def ask(say: Say, offset: int, size: int) -> None:
    """For a piece of the file, which comes as a message of its own."""
    say(json.dumps({"offset": offset, "size": size}).encode())


def asked(head: bytes) -> tuple[int, int] | None:
    """The offset and size of the piece that the child asks for; None: it is an answer. Raises ValueError."""
    if not head.startswith(b'{"offset"'):
        return None
    told = json.loads(head)
    offset, size = _number(told.get("offset")), _number(told.get("size"))
    if offset is None or size is None:
        raise ValueError("not a piece of a file")
    return offset, size


def take(head: bytes, hear: Hear, *, max_pixels: int) -> Derived:
    """Raises Undecodable where the child could not decode the file, InternalError where its code raised, and
    ValueError for an answer that our child
    never sends.
    """
    told = json.loads(head)
    if not isinstance(told, dict):
        raise ValueError("not an answer")  # noqa: TRY004 - one exception for every malformed answer
    if "reason" in told:
        raise Undecodable(_sentence(told["reason"]))
    if "internal_error" in told:
        raise InternalError(_line(told["internal_error"]), _trace(told.get("trace")))
    width, height = _number(told.get("width")), _number(told.get("height"))
    if (
        width is None
        or height is None
        or width < 1
        or height < 1
        or width * height > max_pixels
        or max(width, height) > MOST_EDGE
    ):
        raise ValueError("not the size of a picture")
    times = told.get("frames")
    if not isinstance(times, list) or not 1 <= len(times) <= MOST_FRAMES:
        raise ValueError("not as many frames as there may be")
    placeholder = told.get("placeholder")
    if not isinstance(placeholder, str) or not 10 <= len(placeholder) <= 80:
        raise ValueError("not a placeholder")
    return Derived(
        width=width,
        height=height,
        frames=tuple(_frame(time, hear) for time in times),
        placeholder=bytes.fromhex(placeholder),
        perceptual_hash=_bits(told.get("perceptual_hash")),
        colors=_colors(told.get("colors")),
        exif=_exif(told.get("exif")),
        taken_at=_time(told.get("taken_at")),
        taken_zone=_word(told.get("taken_zone"), 6),
        duration=_quantity(told.get("duration")),
        codec=_word(told.get("codec"), 32),
        frame_rate=_rate(told.get("frame_rate")),
    )


def _frame(time: object, hear: Hear) -> Frame:
    if not isinstance(time, list) or len(time) != 2:
        raise ValueError("not the time of a frame")
    at, end = _quantity(time[0]), _quantity(time[1])
    if at is None or (end is not None and end < at):
        raise ValueError("not the time of a frame")
    picture = _picture(hear(_MOST_PICTURE), {"image/jpeg", "image/webp"}, FRAME_EDGE)
    return Frame(picture, _picture(hear(_MOST_THUMBNAIL), {"image/webp"}, THUMBNAIL_EDGE), at, end)


def _picture(encoded: bytes, mime_types: Set[str], edge: int) -> Picture:
    """As its own header says, so that nothing else has to be believed."""
    content = sniff(encoded)
    if (
        content is None
        or content.mime_type not in mime_types
        or content.width is None
        or content.height is None
    ):
        raise ValueError("not a picture of ours")
    if max(content.width, content.height) > edge or content.orientation != 1:
        raise ValueError("not as large as ours, or not upright")
    return Picture(encoded, content.mime_type, content.width, content.height)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _bits(value: object) -> int | None:
    if value is None:
        return None
    number = _number(value)
    if number is None or not 0 <= number < 1 << 64:
        raise ValueError("not 64 bits")
    return number


def _quantity(value: object) -> float | None:
    if value is None:
        return None
    # so neither infinite nor NaN
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_QUANTITY:
        raise ValueError("not a quantity")
    return float(value)


def _rate(value: object) -> float | None:
    rate = _quantity(value)
    if rate == 0:
        raise ValueError("not frames per second")
    return rate


def _colors(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MOST_COLORS:
        raise ValueError("not colours")
    return tuple(_color(each) for each in value)


def _color(value: object) -> str:
    if (
        not isinstance(value, str)
        or len(value) != 7
        or value[0] != "#"
        or not set(value[1:]) <= set("0123456789abcdef")
    ):
        raise ValueError("not a colour")
    return value


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    time = datetime.fromisoformat(_word(value, 40) or "")
    if time.tzinfo is None or not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValueError("not the time of a picture")
    return time


def _word(value: object, longest: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.isprintable():
        raise ValueError("not a word")
    return value


def _exif(value: object) -> Mapping[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not _shown(value, 2):
        raise ValueError("not what EXIF is shown as")
    return value


def _shown(value: object, depth: int) -> bool:
    """Whether it is what jsonb takes, and small: words and numbers under names, once more below a name."""
    if isinstance(value, dict):
        return (
            depth > 0
            and len(value) <= 32
            and all(_shown(name, 0) and _shown(inner, depth - 1) for name, inner in value.items())
        )
    if isinstance(value, str):
        return 1 <= len(value) <= 255 and value.isprintable()
    # neither infinite nor NaN
    return isinstance(value, int | float) and -_MOST_QUANTITY <= value <= _MOST_QUANTITY


def _sentence(reason: object) -> str:
    text = reason if isinstance(reason, str) else "The file could not be decoded"
    return _line(text)


def _line(text: object) -> str:
    return "".join(character for character in str(text)[:300] if character.isprintable())


def _trace(text: object) -> str:
    """Lines of printable characters. It comes from a process that may have been taken over, and goes into
    a log.
    """
    return "".join(
        character for character in str(text)[-_MOST_TRACE:] if character == "\n" or character.isprintable()
    )
