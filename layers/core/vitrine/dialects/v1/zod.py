"""Input as JavaScript coerces it and zod 4.3 judges it: the same issues, in the same order, with the same
keys and messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import inf, isfinite, isnan, nan
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import Url, ValidationError

from vitrine.dialects.formats import Input
from vitrine.errors import Invalid
from vitrine.models.uploads import SentFile
from vitrine.texts import EXACT, Exact

Issue = dict[str, Any]
# a JSON value, or UNDEFINED -> what is kept of it, what is wrong with it
Judge = Callable[[object], tuple[object, list[Issue]]]

UNDEFINED: Final = object()
SAFE = 2**53 - 1  # Number.MAX_SAFE_INTEGER
# of one list: its elements after them are not judged, or 4 MiB of wrong ones would be answered with hundreds
MOST_ISSUES = 1000


class Mismatch(Invalid):
    """What zod says of it, whole."""

    def __init__(self, zod: list[Issue]) -> None:
        super().__init__("Validation failed")
        self.zod = zod


class _Web(NamedTuple):
    """Marks a text that must be a URL."""


# of http or https
WebUrl = Annotated[str, _Web(), EXACT, WithJsonSchema({"type": "string", "format": "uri"})]


class Schema(Input):
    """A model that is judged as zod judges the schema of the same fields: pydantic describes it, and judges
    nothing.

    Fields are int, str, bool, WebUrl, SentFile, a Literal of texts or a list of one of them, perhaps `|
    None`, with limits in Field(ge, gt, le,
    min_length, max_length). One with a default may be absent.
    """

    @classmethod
    def read(cls, value: object, *, coerced: bool = False) -> Self:
        """Raises Mismatch. Unknown keys are dropped, absent ones have their default. Coerced: the values
        are texts, as in a query.
        """
        if not isinstance(value, Mapping):
            raise Mismatch([_mistyped("object", value)])
        given = cast("Mapping[str, object]", value)
        found: dict[str, Any] = {}
        issues: list[Issue] = []
        for field in _fields(cls, coerced):
            if field.required or field.key in given:
                found[field.key], wrong = field.judge(given.get(field.key, UNDEFINED))
                issues += _within(field.key, wrong)
        if issues:
            raise Mismatch(issues)
        return cls.model_construct(**found)  # type: ignore[return-value]  # pydantic's plugin says Schema


class _Field(NamedTuple):
    key: str
    required: bool
    judge: Judge


@cache
def _fields(schema: type[Schema], coerced: bool) -> tuple[_Field, ...]:
    return tuple(
        _Field(
            field.alias or name,
            field.is_required(),
            _judge(field.annotation, field.metadata, coerced=coerced),
        )
        for name, field in schema.model_fields.items()
    )


def _judge(kind: Any, limits: Sequence[object], *, coerced: bool) -> Judge:
    """Of a type and its limits."""
    limits = [limit for limit in limits if not isinstance(limit, Exact)]
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner = [
            limit for one in parts[1:] for limit in (one.metadata if isinstance(one, FieldInfo) else [one])
        ]
        return _judge(parts[0], [*inner, *limits], coerced=coerced)
    if origin in (Union, UnionType):
        [some] = (part for part in parts if part is not NoneType)
        return nullable(_judge(some, limits, coerced=coerced))
    if origin is list:
        return array(_judge(parts[0], (), coerced=coerced), *_known(limits, MinLen, MaxLen))
    if origin is Literal:
        return choice(*parts)
    if kind is str:
        web = any(isinstance(limit, _Web) for limit in limits)
        said = [limit for limit in limits if not isinstance(limit, (_Web, WithJsonSchema))]
        return url(*_known(said, MaxLen)) if web else string(*_known(limits, MinLen, MaxLen))
    if kind is int:
        return integer(*_known(limits, Ge, Gt, Le), coerced=coerced)
    if kind is bool:
        return boolean
    if kind is SentFile:
        return file
    raise TypeError(f"No schema of zod is known for {kind}")


def _known(limits: Sequence[object], *kinds: type[object]) -> Sequence[object]:
    """A limit that would not be held is a fault of ours."""
    if not all(isinstance(limit, kinds) for limit in limits):
        raise TypeError(f"No check of zod is known for one of {limits}")
    return limits


def string(*limits: object) -> Judge:
    """`z.string().min(...).max(...)`"""

    def judge(value: object) -> tuple[object, list[Issue]]:
        return value, [
            *([] if isinstance(value, str) else [_mistyped("string", value)]),
            *_measured(value, limits),
        ]

    return judge


def url(*limits: object) -> Judge:
    """`z.string().url("Invalid URL format").max(...)`, of http and https alone. White space around it is
    dropped.
    """

    def judge(value: object) -> tuple[object, list[Issue]]:
        if not isinstance(value, str):
            return None, [_mistyped("string", value), *_measured(value, limits)]
        address = trimmed(value)
        try:
            if Url(address).scheme in ("http", "https"):
                return address, _measured(address, limits)
        except ValidationError:
            pass
        wrong: Issue = {
            "code": "invalid_format",
            "format": "url",
            "path": [],
            "message": "Invalid URL format",
        }
        return None, [wrong, *_measured(address, limits)]

    return judge


def file(value: object) -> tuple[object, list[Issue]]:
    """`z.file()`"""
    return value, [] if isinstance(value, SentFile) else [_mistyped("file", value)]


def integer(*limits: object, coerced: bool = False) -> Judge:
    """`z.number().int().min(...).max(...)`, or `z.coerce.number()...`"""

    def judge(value: object) -> tuple[object, list[Issue]]:
        if not coerced and (isinstance(value, bool) or not isinstance(value, (int, float))):
            return None, [_mistyped("number", value)]
        double = number(value)
        if not isfinite(double):
            return None, [_mistyped("number", double, received="NaN" if isnan(double) else "Infinity")]
        if not double.is_integer():
            message = "Invalid input: expected int, received number"
            return None, [
                {
                    "expected": "int",
                    "format": "safeint",
                    "code": "invalid_type",
                    "path": [],
                    "message": message,
                }
            ]
        return int(double), [*_safe(double), *_bounded(double, limits)]

    return judge


def boolean(value: object) -> tuple[object, list[Issue]]:
    """`z.boolean()`"""
    return value, [] if isinstance(value, bool) else [_mistyped("boolean", value)]


def choice(*options: str) -> Judge:
    """`z.enum([...])`"""

    def judge(value: object) -> tuple[object, list[Issue]]:
        if value in options:
            return value, []
        message = "Invalid option: expected one of " + "|".join(f'"{option}"' for option in options)
        return None, [{"code": "invalid_value", "values": list(options), "path": [], "message": message}]

    return judge


def array(element: Judge, *limits: object) -> Judge:
    """`z.array(...).min(...).max(...)`"""

    def judge(value: object) -> tuple[object, list[Issue]]:
        if not isinstance(value, list):
            return None, [_mistyped("array", value), *_measured(value, limits)]
        kept: list[object] = []
        issues: list[Issue] = []
        for place, given in enumerate(cast("list[object]", value)):
            one, wrong = element(given)
            kept.append(one)
            issues += _within(place, wrong)
            if len(issues) >= MOST_ISSUES:
                break
        return kept, [*issues, *_measured(value, limits)]

    return judge


def nullable(inner: Judge) -> Judge:
    """`....nullable()`"""
    return lambda value: (None, []) if value is None else inner(value)


# Issues.


def _within(key: str | int, issues: list[Issue]) -> list[Issue]:
    for issue in issues:
        issue["path"].insert(0, key)
    return issues


def _mistyped(expected: str, value: object, *, received: str | None = None) -> Issue:
    named = {} if received is None else {"received": received}
    message = f"Invalid input: expected {expected}, received {_type(value)}"
    return {"expected": expected, "code": "invalid_type", **named, "path": [], "message": message}


def _type(value: object) -> str:
    """JavaScript's word, as zod's messages have it."""
    if value is UNDEFINED:
        return "undefined"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "NaN" if isinstance(value, float) and isnan(value) else "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _safe(value: float) -> list[Issue]:
    if abs(value) <= SAFE:
        return []
    bound: Issue = (
        {"code": "too_big", "maximum": SAFE} if value > 0 else {"code": "too_small", "minimum": -SAFE}
    )
    message = (
        f"Too big: expected int to be <={SAFE}" if value > 0 else f"Too small: expected int to be >=-{SAFE}"
    )
    note = "Integers must be within the safe integer range."
    return [{**bound, "note": note, "origin": "int", "inclusive": True, "path": [], "message": message}]


def _bounded(value: float, limits: Sequence[object]) -> list[Issue]:
    issues: list[Issue] = []
    for limit in limits:
        match limit:
            case Ge(ge=bound) if not value >= cast("int", bound):
                issues.append(_outside("number", "too_small", cast("int", bound)))
            case Gt(gt=bound) if not value > cast("int", bound):
                issues.append(_outside("number", "too_small", cast("int", bound), inclusive=False))
            case Le(le=bound) if not value <= cast("int", bound):
                issues.append(_outside("number", "too_big", cast("int", bound)))
            case _:
                pass
    return issues


def _measured(value: object, limits: Sequence[object]) -> list[Issue]:
    """Of whatever has a length: zod measures what is of another type, too, be it an object with such a
    key.
    """
    length = _length(value)
    if length is None:
        return []
    origin = "string" if isinstance(value, str) else "array" if isinstance(value, list) else "unknown"
    issues: list[Issue] = []
    for limit in limits:
        match limit:
            case MinLen(min_length=bound) if not length >= bound:
                issues.append(_outside(origin, "too_small", bound))
            case MaxLen(max_length=bound) if not length <= bound:
                issues.append(_outside(origin, "too_big", bound))
            case _:
                pass
    return issues


def _outside(
    origin: str, code: Literal["too_small", "too_big"], bound: int, *, inclusive: bool = True
) -> Issue:
    word, name, sign = ("small", "minimum", ">") if code == "too_small" else ("big", "maximum", "<")
    unit = {"string": "characters", "array": "items"}.get(origin)
    expected = f"{sign}{'=' if inclusive else ''}{bound}"
    message = f"Too {word}: expected {origin} " + (
        f"to have {expected} {unit}" if unit else f"to be {expected}"
    )
    return {
        "origin": origin,
        "code": code,
        name: bound,
        "inclusive": inclusive,
        "path": [],
        "message": message,
    }


# JavaScript.


def _length(value: object) -> float | None:
    """`value.length`, as the number it is compared as; None where there is none. A text's is in UTF-16
    units.
    """
    if isinstance(value, str):
        return len(value) + sum(character > "\uffff" for character in value)
    if isinstance(value, list):
        return len(cast("list[object]", value))
    return (
        number(cast("dict[str, object]", value)["length"])
        if isinstance(value, dict) and "length" in value
        else None
    )


# ECMAScript's StringToNumber: what it trims, and what it reads.
_BLANK = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_DECIMAL = re.compile(r"[+-]?(Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)", re.ASCII)
_PREFIXED = {
    "0x": (re.compile(r"[0-9a-fA-F]+"), 16),
    "0o": (re.compile(r"[0-7]+"), 8),
    "0b": (re.compile(r"[01]+"), 2),
}


def trimmed(text: str) -> str:
    """`text.trim()`"""
    return text.strip(_BLANK)


def number(value: object) -> float:
    """`Number(value)` of a JSON value: 0 for blank text and null, NaN for what is no number."""
    if isinstance(value, str):
        return _number_of(trimmed(value))
    if isinstance(value, int):  # a bool is one
        try:
            return float(value)
        except OverflowError:
            return inf if value > 0 else -inf
    if isinstance(value, float):
        return value
    if isinstance(value, list):  # as its elements' texts joined by commas
        elements = cast("list[object]", value)
        return (
            0.0
            if not elements
            else nan
            if len(elements) > 1 or isinstance(elements[0], bool)
            else number(elements[0])
        )
    return 0.0 if value is None else nan


def _number_of(text: str) -> float:
    if text == "":
        return 0.0
    if text[:2].lower() in _PREFIXED:
        digits, base = _PREFIXED[text[:2].lower()]
        return number(int(text[2:], base)) if digits.fullmatch(text[2:]) else nan
    return float(text) if _DECIMAL.fullmatch(text) else nan
