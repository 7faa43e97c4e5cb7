"""Valid and invalid names, which are the same for everything that has a name."""

from __future__ import annotations

import unicodedata

VALID_NAMES = {  # kind -> the name, stored as it was sent
    "a slash": "2026/07 a/b",
    "quotes": """it's "so" `called`""",
    "emoji": "\N{CAMERA} \N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL} \N{SNOW CAPPED MOUNTAIN}",
    "right to left": "תמונות מהקיץ",
    "one character": "x",
    "255 characters": "x" * 255,
    "255 beyond the basic plane": "\N{CAMERA}" * 255,
    "markup": "<b>&amp;</b>'; drop table media; --",
    "white space": "  two  ",
    "a dot": "..",
}
DECOMPOSED = unicodedata.normalize("NFD", "Café à Zürich")  # stored composed
COMPOSED = unicodedata.normalize("NFC", DECOMPOSED)

INVALID_NAMES = {  # kind -> the value, and the error
    "empty": ("", {"error": "name must have 1 to 255 characters", "code": "invalid"}),
    "256 characters": ("x" * 256, {"error": "name must have 1 to 255 characters", "code": "invalid"}),
    "NUL": ("a\0b", {"error": "A text holds a character that cannot be stored", "code": "invalid"}),
    "a number": (
        1,
        {
            "error": "name: Must be a string",
            "code": "invalid",
            "details": [{"path": ["name"], "message": "Must be a string"}],
        },
    ),
    "null": (
        None,
        {
            "error": "name: Must be a string",
            "code": "invalid",
            "details": [{"path": ["name"], "message": "Must be a string"}],
        },
    ),
    "a list": (
        ["x"],
        {
            "error": "name: Must be a string",
            "code": "invalid",
            "details": [{"path": ["name"], "message": "Must be a string"}],
        },
    ),
}

INVALID_BODIES = {  # kind -> bytes of a body that is no object with a name, and the error
    "no JSON": (b"{", {"error": "The body is not valid JSON", "code": "invalid"}),
    "half a surrogate": (rb'{"name": "\ud800"}', {"error": "The body is not valid JSON", "code": "invalid"}),
    "no UTF-8": (b'{"name": "\xff"}', {"error": "The body is not valid JSON", "code": "invalid"}),
    "too deep": (b"[" * 100_000, {"error": "The body is not valid JSON", "code": "invalid"}),
    "not a number": (b'{"name": NaN}', {"error": "The body is not valid JSON", "code": "invalid"}),
    "a list": (
        b"[]",
        {
            "error": "body: Must be an object",
            "code": "invalid",
            "details": [{"path": [], "message": "Must be an object"}],
        },
    ),
}
