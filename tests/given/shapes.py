"""Values that no test knows beforehand: a Shape equals every text of its pattern, so whole bodies can be
compared.
"""

from __future__ import annotations

import re
from typing import Final


class Shape:
    """Equal to every text that matches the pattern as a whole."""

    def __init__(self, name: str, pattern: str) -> None:
        self._name, self._pattern = name, re.compile(pattern, re.ASCII)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self._pattern.fullmatch(other) is not None

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f"<{self._name}>"


# UUID version 7, in the format of Studio
AN_ID: Final = Shape("an id", r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
A_HYPHENED_ID: Final = Shape(
    "a hyphened id", r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
A_TIME: Final = Shape("a time", r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
A_REQUEST_ID: Final = Shape("a request's id", r"[0-9a-zA-Z=_-]{8,64}")
AN_ETAG: Final = Shape("an ETag", r'"[0-9a-f]{32}"')
A_SHA256: Final = Shape("a SHA-256", r"[0-9a-f]{64}")
TOO_MANY: Final = Shape("when to come again", r"Too many requests; try again in \d+ seconds?")
SOME_BASE64: Final = Shape("base64", r"[0-9A-Za-z+/]{8,}={0,2}")
A_SIGNED_URL: Final = Shape(
    "a signed URL",
    r"https?://[^?]+/derived/[0-9a-f]{32}/[0-9a-f]{32}/[0-9]+/[A-Za-z0-9._-]+"
    r"\?[^ ]*X-Amz-Signature=[0-9a-f]{64}[^ ]*",
)


def hyphened(plain: str) -> str:
    """Return the id in the format of v1, with hyphens."""
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"
