"""Validation as zod 4.3 does it: the same issues, in the same order, with the same keys and messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import isfinite, isnan
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import Url, ValidationError

from vitrine.dialects.formats import Input
from vitrine.dialects.v1.javascript import length_of, number, trim
from vitrine.errors import Invalid
from vitrine.models.uploads import SentFile
from vitrine.texts import EXACT, Exact

Issue = dict[str, Any]
# a JSON value, or UNDEFINED -> the value to use, and what is wrong with it
Validator = Callable[[object], tuple[object, list[Issue]]]

UNDEFINED: Final = object()
MAX_SAFE_INTEGER = 2**53 - 1  # Number.MAX_SAFE_INTEGER
# Of one list. Further elements are not validated: the answer to 4 MiB of wrong ones would be hundreds of MiB.
MAX_ISSUES = 1000


class Mismatch(Invalid):
    """Input that does not match its schema. `zod` has all issues as zod reports them."""

    def __init__(self, zod: list[Issue]) -> None:
        super().__init__("Validation failed")
        self.zod = zod


class _Web(NamedTuple):
    """Marks a text that must be a URL of http or https."""


WebUrl = Annotated[str, _Web(), EXACT, WithJsonSchema({"type": "string", "format": "uri"})]


class Schema(Input):
    """A model that is validated as zod validates a schema with the same fields.

    Pydantic describes it in OpenAPI and validates nothing. A field is an int, str, bool, WebUrl, SentFile or
    Literal of texts, or a list of one of these, or one of these `| None`. Its limits are in Field(ge, gt, le,
    min_length, max_length). A field with a default may be absent.
    """

    @classmethod
    def read(cls, value: object, *, coerced: bool = False) -> Self:
        """Validate a JSON object. Unknown keys are dropped, and absent ones have their default.

        `coerced`: the values are the texts of a query, which JavaScript coerces. Raises Mismatch.
        """
        if not isinstance(value, Mapping):
            raise Mismatch([_type_issue("object", value)])
        given = cast("Mapping[str, object]", value)
        values: dict[str, Any] = {}
        issues: list[Issue] = []
        for field in _fields(cls, coerced):
            if field.required or field.key in given:
                values[field.key], wrong = field.validate(given.get(field.key, UNDEFINED))
                issues += _prefixed(field.key, wrong)
        if issues:
            raise Mismatch(issues)
        return cls.model_construct(**values)  # type: ignore[return-value]  # pydantic's plugin says Schema


class _Field(NamedTuple):
    key: str
    required: bool
    validate: Validator


@cache
def _fields(schema: type[Schema], coerced: bool) -> tuple[_Field, ...]:
    return tuple(
        _Field(
            field.alias or name,
            field.is_required(),
            _validator(field.annotation, field.metadata, coerced=coerced),
        )
        for name, field in schema.model_fields.items()
    )


def _validator(kind: Any, limits: Sequence[object], *, coerced: bool) -> Validator:
    """Return the validator of a type with these limits. Raises TypeError where zod has none."""
    limits = [limit for limit in limits if not isinstance(limit, Exact)]
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner = [
            limit for one in parts[1:] for limit in (one.metadata if isinstance(one, FieldInfo) else [one])
        ]
        return _validator(parts[0], [*inner, *limits], coerced=coerced)
    if origin in (Union, UnionType):
        [some] = (part for part in parts if part is not NoneType)
        return nullable(_validator(some, limits, coerced=coerced))
    if origin is list:
        return array(_validator(parts[0], (), coerced=coerced), *_require_known(limits, MinLen, MaxLen))
    if origin is Literal:
        return choice(*parts)
    if kind is str:
        web = any(isinstance(limit, _Web) for limit in limits)
        checked = [limit for limit in limits if not isinstance(limit, (_Web, WithJsonSchema))]
        return (
            url(*_require_known(checked, MaxLen)) if web else string(*_require_known(limits, MinLen, MaxLen))
        )
    if kind is int:
        return integer(*_require_known(limits, Ge, Gt, Le), coerced=coerced)
    if kind is bool:
        return boolean
    if kind is SentFile:
        return file
    raise TypeError(f"No schema of zod is known for {kind}")


def _require_known(limits: Sequence[object], *kinds: type[object]) -> Sequence[object]:
    """Return the limits. Raises TypeError where a limit would not be checked."""
    if not all(isinstance(limit, kinds) for limit in limits):
        raise TypeError(f"No check of zod is known for one of {limits}")
    return limits


def string(*limits: object) -> Validator:
    """`z.string().min(...).max(...)`"""

    def validate(value: object) -> tuple[object, list[Issue]]:
        return value, [
            *([] if isinstance(value, str) else [_type_issue("string", value)]),
            *_length_issues(value, limits),
        ]

    return validate


def url(*limits: object) -> Validator:
    """`z.string().url("Invalid URL format").max(...)`, of http and https alone.

    White space around it is removed.
    """

    def validate(value: object) -> tuple[object, list[Issue]]:
        if not isinstance(value, str):
            return None, [_type_issue("string", value), *_length_issues(value, limits)]
        address = trim(value)
        try:
            if Url(address).scheme in ("http", "https"):
                return address, _length_issues(address, limits)
        except ValidationError:
            pass
        wrong: Issue = {
            "code": "invalid_format",
            "format": "url",
            "path": [],
            "message": "Invalid URL format",
        }
        return None, [wrong, *_length_issues(address, limits)]

    return validate


def file(value: object) -> tuple[object, list[Issue]]:
    """`z.file()`"""
    return value, [] if isinstance(value, SentFile) else [_type_issue("file", value)]


def integer(*limits: object, coerced: bool = False) -> Validator:
    """`z.number().int().min(...).max(...)`, or `z.coerce.number()...`"""

    def validate(value: object) -> tuple[object, list[Issue]]:
        if not coerced and (isinstance(value, bool) or not isinstance(value, (int, float))):
            return None, [_type_issue("number", value)]
        double = number(value)
        if not isfinite(double):
            return None, [_type_issue("number", double, received="NaN" if isnan(double) else "Infinity")]
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
        return int(double), [*_safe_integer_issues(double), *_range_issues(double, limits)]

    return validate


def boolean(value: object) -> tuple[object, list[Issue]]:
    """`z.boolean()`"""
    return value, [] if isinstance(value, bool) else [_type_issue("boolean", value)]


def choice(*options: str) -> Validator:
    """`z.enum([...])`"""

    def validate(value: object) -> tuple[object, list[Issue]]:
        if value in options:
            return value, []
        message = "Invalid option: expected one of " + "|".join(f'"{option}"' for option in options)
        return None, [{"code": "invalid_value", "values": list(options), "path": [], "message": message}]

    return validate


def array(element: Validator, *limits: object) -> Validator:
    """`z.array(...).min(...).max(...)`"""

    def validate(value: object) -> tuple[object, list[Issue]]:
        if not isinstance(value, list):
            return None, [_type_issue("array", value), *_length_issues(value, limits)]
        kept: list[object] = []
        issues: list[Issue] = []
        for place, given in enumerate(cast("list[object]", value)):
            one, wrong = element(given)
            kept.append(one)
            issues += _prefixed(place, wrong)
            if len(issues) >= MAX_ISSUES:
                break
        return kept, [*issues, *_length_issues(value, limits)]

    return validate


def nullable(inner: Validator) -> Validator:
    """`....nullable()`"""
    return lambda value: (None, []) if value is None else inner(value)


# Issues.


def _prefixed(key: str | int, issues: list[Issue]) -> list[Issue]:
    for issue in issues:
        issue["path"].insert(0, key)
    return issues


def _type_issue(expected: str, value: object, *, received: str | None = None) -> Issue:
    named = {} if received is None else {"received": received}
    message = f"Invalid input: expected {expected}, received {_type_name(value)}"
    return {"expected": expected, "code": "invalid_type", **named, "path": [], "message": message}


def _type_name(value: object) -> str:
    """Return the name of the value's type, as zod's messages have it."""
    if value is UNDEFINED:
        return "undefined"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "NaN" if isinstance(value, float) and isnan(value) else "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _safe_integer_issues(value: float) -> list[Issue]:
    if abs(value) <= MAX_SAFE_INTEGER:
        return []
    bound: Issue = (
        {"code": "too_big", "maximum": MAX_SAFE_INTEGER}
        if value > 0
        else {"code": "too_small", "minimum": -MAX_SAFE_INTEGER}
    )
    message = (
        f"Too big: expected int to be <={MAX_SAFE_INTEGER}"
        if value > 0
        else f"Too small: expected int to be >=-{MAX_SAFE_INTEGER}"
    )
    note = "Integers must be within the safe integer range."
    return [{**bound, "note": note, "origin": "int", "inclusive": True, "path": [], "message": message}]


def _range_issues(value: float, limits: Sequence[object]) -> list[Issue]:
    issues: list[Issue] = []
    for limit in limits:
        match limit:
            case Ge(ge=bound) if not value >= cast("int", bound):
                issues.append(_limit_issue("number", "too_small", cast("int", bound)))
            case Gt(gt=bound) if not value > cast("int", bound):
                issues.append(_limit_issue("number", "too_small", cast("int", bound), inclusive=False))
            case Le(le=bound) if not value <= cast("int", bound):
                issues.append(_limit_issue("number", "too_big", cast("int", bound)))
            case _:
                pass
    return issues


def _length_issues(value: object, limits: Sequence[object]) -> list[Issue]:
    """Check the limits of `length`.

    Zod checks them for a value of another type too, even an object with that key.
    """
    length = length_of(value)
    if length is None:
        return []
    origin = "string" if isinstance(value, str) else "array" if isinstance(value, list) else "unknown"
    issues: list[Issue] = []
    for limit in limits:
        match limit:
            case MinLen(min_length=bound) if not length >= bound:
                issues.append(_limit_issue(origin, "too_small", bound))
            case MaxLen(max_length=bound) if not length <= bound:
                issues.append(_limit_issue(origin, "too_big", bound))
            case _:
                pass
    return issues


def _limit_issue(
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
