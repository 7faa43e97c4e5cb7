"""JavaScript's trim, length and conversion to a number, where zod depends on them."""

from __future__ import annotations

import re
from math import inf, nan
from typing import cast


def length_of(value: object) -> float | None:
    """Return `value.length` as the number that JavaScript compares; None where there is none.

    Texts: UTF-16 units.
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


# What ECMAScript's StringToNumber removes at both ends, and what it reads (ECMA-262, 7.1.4.1).
_BLANK = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_DECIMAL = re.compile(r"[+-]?(Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)", re.ASCII)
_PREFIXED = {
    "0x": (re.compile(r"[0-9a-fA-F]+"), 16),
    "0o": (re.compile(r"[0-7]+"), 8),
    "0b": (re.compile(r"[01]+"), 2),
}


def trim(text: str) -> str:
    """Return `text.trim()`."""
    return text.strip(_BLANK)


def number(value: object) -> float:
    """Return `Number(value)` of a JSON value: 0 for blank text and null, NaN for what is not a number."""
    if isinstance(value, str):
        return _number_of(trim(value))
    if isinstance(value, int):  # a bool is one
        try:
            return float(value)
        except OverflowError:
            return inf if value > 0 else -inf
    if isinstance(value, float):
        return value
    if isinstance(value, list):  # its elements as texts, joined by commas, are converted
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
