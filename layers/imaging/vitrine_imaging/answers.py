"""The decoding child's responses, in messages of `wire.py`.

A response is a head in JSON, then each frame's picture and thumbnail as messages of their own. The head of a
failure has a reason, or an internal error of our code with its traceback; no picture follows. Before its
response a child may request pieces of its file.

The child writes responses. The parent reads and checks them, since whoever takes over the child also writes
them.
"""

import json
import traceback
from collections.abc import Callable, Mapping, Set
from datetime import datetime
from typing import Any, Final

from vitrine.content import MOST_EDGE, sniff
from vitrine.errors import InternalError
from vitrine.models.derived import Derived, DerivedFrame, Picture, Undecodable
from vitrine_imaging.models import FIRST_YEAR, FRAME_EDGE, LAST_YEAR, THUMBNAIL_EDGE

MOST_HEAD: Final = 256 * 1024  # bytes
_MOST_PICTURE: Final = 64 * 1024 * 1024  # 2400 x 2400 pixels of noise are some 8 MB
_MOST_THUMBNAIL: Final = 4 * 1024 * 1024
MOST_FRAMES: Final = 64
_MOST_COLORS: Final = 16
_MOST_TRACE: Final = 16 * 1024  # characters of a traceback; its end is the most useful part
_MOST_QUANTITY: Final = 1e12  # of seconds, frames per second and numbers in EXIF

Send = Callable[[bytes], None]  # writes one message to the other side
Receive = Callable[[int], bytes]  # the next message, of at most so many bytes


def send_reason(send: Send, reason: str) -> None:
    """Respond that the file cannot be decoded, with the reason."""
    send(json.dumps({"reason": reason}).encode())


def send_internal_error(send: Send, error: Exception) -> None:
    """Respond with an exception that our own code raised, and its traceback."""
    trace = "".join(traceback.format_exception(error))
    send(json.dumps({"internal_error": type(error).__qualname__, "trace": trace[-_MOST_TRACE:]}).encode())


def send_derived(send: Send, derived: Derived) -> None:
    """Respond with what was made of the file. If this raises, nothing was sent, so an error can still be."""
    for message in _messages(derived):
        send(message)


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


def request_piece(send: Send, offset: int, size: int) -> None:
    """Ask the parent for a piece of the file, which comes as a message of its own."""
    send(json.dumps({"offset": offset, "size": size}).encode())


def requested_piece(head: bytes) -> tuple[int, int] | None:
    """The offset and size of the piece that the child requests; None: the message is a response.

    Raises ValueError for a request that our child never sends.
    """
    if not head.startswith(b'{"offset"'):
        return None
    fields = json.loads(head)
    offset, size = _integer(fields.get("offset")), _integer(fields.get("size"))
    if offset is None or size is None:
        raise ValueError("not a piece of a file")
    return offset, size


def receive_derived(head: bytes, receive: Receive, *, max_pixels: int) -> Derived:
    """Check a response that begins with this head, and return what was made of the file.

    Raises Undecodable where the child could not decode the file, InternalError where its code raised, and
    ValueError for a response that our child never sends.
    """
    fields = json.loads(head)
    if not isinstance(fields, dict):
        raise ValueError("not an answer")  # noqa: TRY004 - one exception for every malformed response
    if "reason" in fields:
        raise Undecodable(_sentence(fields["reason"]))
    if "internal_error" in fields:
        raise InternalError(_line(fields["internal_error"]), _trace(fields.get("trace")))
    width, height = _size(fields, max_pixels)
    times = fields.get("frames")
    if not isinstance(times, list) or not 1 <= len(times) <= MOST_FRAMES:
        raise ValueError("not as many frames as there may be")
    placeholder = fields.get("placeholder")
    if not isinstance(placeholder, str) or not 10 <= len(placeholder) <= 80:
        raise ValueError("not a placeholder")
    return Derived(
        width=width,
        height=height,
        frames=tuple(_frame(time, receive) for time in times),
        placeholder=bytes.fromhex(placeholder),
        perceptual_hash=_bits(fields.get("perceptual_hash")),
        colors=_colors(fields.get("colors")),
        exif=_exif(fields.get("exif")),
        taken_at=_time(fields.get("taken_at")),
        taken_zone=_word(fields.get("taken_zone"), 6),
        duration=_quantity(fields.get("duration")),
        codec=_word(fields.get("codec"), 32),
        frame_rate=_rate(fields.get("frame_rate")),
    )


def _size(fields: Mapping[str, Any], max_pixels: int) -> tuple[int, int]:
    width, height = _integer(fields.get("width")), _integer(fields.get("height"))
    if (
        width is None
        or height is None
        or width < 1
        or height < 1
        or width * height > max_pixels
        or max(width, height) > MOST_EDGE
    ):
        raise ValueError("not the size of a picture")
    return width, height


def _frame(time: object, receive: Receive) -> DerivedFrame:
    if not isinstance(time, list) or len(time) != 2:
        raise ValueError("not the time of a frame")
    at, end = _quantity(time[0]), _quantity(time[1])
    if at is None or (end is not None and end < at):
        raise ValueError("not the time of a frame")
    picture = _picture(receive(_MOST_PICTURE), {"image/jpeg", "image/webp"}, FRAME_EDGE)
    return DerivedFrame(picture, _picture(receive(_MOST_THUMBNAIL), {"image/webp"}, THUMBNAIL_EDGE), at, end)


def _picture(encoded: bytes, mime_types: Set[str], edge: int) -> Picture:
    """The picture, with the type and size that its own header states: the child's words for them are not
    trusted.
    """
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


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _bits(value: object) -> int | None:
    if value is None:
        return None
    number = _integer(value)
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
    if not isinstance(value, dict) or not _is_bounded(value, 2):
        raise ValueError("not what EXIF is shown as")
    return value


def _is_bounded(value: object, depth: int) -> bool:
    """Whether the value is small and jsonb accepts it: strings and numbers by name, nested at most once."""
    if isinstance(value, dict):
        return (
            depth > 0
            and len(value) <= 32
            and all(_is_bounded(name, 0) and _is_bounded(inner, depth - 1) for name, inner in value.items())
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
    """Lines of printable characters, since the text goes from a process that may be taken over into a log."""
    return "".join(
        character for character in str(text)[-_MOST_TRACE:] if character == "\n" or character.isprintable()
    )
