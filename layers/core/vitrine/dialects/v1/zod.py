"""Input as JavaScript coerces it and zod 4.3 judges it: the same issues, in the same order, with the same keys and messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite, isnan
from typing import Any, ClassVar, Self

from vitrine.dialects import Input
from vitrine.errors import Invalid

Issue = dict[str, Any]
Field = Callable[[str, str], tuple[object, list[Issue]]]   # (name, text) -> value, issues

SAFE = 2**53 - 1   # Number.MAX_SAFE_INTEGER


class Mismatch(Invalid):
    """What zod says of it, whole."""

    def __init__(self, zod: list[Issue]) -> None:
        super().__init__("Validation failed")
        self.zod = zod


class Schema(Input):
    """A model whose fields are read from text, each by its own reader, all issues reported together."""

    FIELDS: ClassVar[Mapping[str, Field]]

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Self:
        """Raises Mismatch. Unknown parameters are ignored, absent ones have their default."""
        found: dict[str, Any] = {}
        issues: list[Issue] = []
        for name, field in cls.FIELDS.items():
            if name in values:
                found[name], wrong = field(name, values[name])
                issues += wrong
        if issues:
            raise Mismatch(issues)
        return cls(**found)


def integer(*, minimum: int, maximum: int | None = None) -> Field:
    """`z.coerce.number().int().min(...).max(...)`"""

    def read(name: str, text: str) -> tuple[object, list[Issue]]:
        value = number(text)
        if not isfinite(value):
            received = "NaN" if isnan(value) else "Infinity"
            message = f"Invalid input: expected number, received {'NaN' if isnan(value) else 'number'}"
            return None, [{"expected": "number", "code": "invalid_type", "received": received, "path": [name], "message": message}]
        if not value.is_integer():
            message = "Invalid input: expected int, received number"
            return None, [{"expected": "int", "format": "safeint", "code": "invalid_type", "path": [name], "message": message}]
        issues: list[Issue] = []
        if abs(value) > SAFE:
            bound: Issue = {"code": "too_big", "maximum": SAFE} if value > 0 else {"code": "too_small", "minimum": -SAFE}
            message = f"Too big: expected int to be <={SAFE}" if value > 0 else f"Too small: expected int to be >=-{SAFE}"
            note = "Integers must be within the safe integer range."
            issues.append({**bound, "note": note, "origin": "int", "inclusive": True, "path": [name], "message": message})
        if value < minimum:
            message = f"Too small: expected number to be >={minimum}"
            issues.append({"origin": "number", "code": "too_small", "minimum": minimum, "inclusive": True, "path": [name], "message": message})
        if maximum is not None and value > maximum:
            message = f"Too big: expected number to be <={maximum}"
            issues.append({"origin": "number", "code": "too_big", "maximum": maximum, "inclusive": True, "path": [name], "message": message})
        return int(value), issues

    return read


def choice(*options: str) -> Field:
    """`z.enum([...])`"""

    def read(name: str, text: str) -> tuple[object, list[Issue]]:
        if text in options:
            return text, []
        message = "Invalid option: expected one of " + "|".join(f'"{option}"' for option in options)
        return None, [{"code": "invalid_value", "values": list(options), "path": [name], "message": message}]

    return read


def text(_: str, given: str) -> tuple[object, list[Issue]]:
    """`z.string()`"""
    return given, []


# ECMAScript's StringToNumber: what it trims, and what it reads.
_BLANK = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_DECIMAL = re.compile(r"[+-]?(Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)", re.ASCII)
_PREFIXED = {"0x": (re.compile(r"[0-9a-fA-F]+"), 16), "0o": (re.compile(r"[0-7]+"), 8), "0b": (re.compile(r"[01]+"), 2)}


def number(text: str) -> float:
    """`Number(text)`: 0 for blank text, NaN for what is no number."""
    text = text.strip(_BLANK)
    if text == "":
        return 0.0
    if text[:2].lower() in _PREFIXED:
        digits, base = _PREFIXED[text[:2].lower()]
        if not digits.fullmatch(text[2:]):
            return float("nan")
        value = int(text[2:], base)
        return float(value) if value.bit_length() <= 1023 else float("inf")
    return float(text) if _DECIMAL.fullmatch(text) else float("nan")
