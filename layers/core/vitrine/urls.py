"""URLs from requests and from other servers, parsed as browsers parse them (WHATWG's URL standard)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from pydantic_core import Url, ValidationError

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))


def parse(url: str) -> Url | None:
    """Parse a URL of http or https. None for any other text, and for one with control characters, which
    parsers treat differently.

    `str` of it is the normalized form: ASCII, with the host's name in Punycode and the path percent-encoded.
    Parsing that form gives the same URL, so code that stores the normalized form stores what was checked.
    """
    return None if contains_control(url) else _parse(url)


def normalize(url: str) -> str | None:
    """Return the normalized form of a URL that was stored before URLs were normalized, without the characters
    that browsers drop. None: no browser would follow it.
    """
    parsed = _parse(url)
    return None if parsed is None else str(parsed)


def contains_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def encode_for_header(url: str) -> str:
    """Return the URL with every character percent-encoded that a header may not contain. The URL may be a
    relative reference, and is not parsed.
    """
    return quote(url, safe=_VISIBLE, errors="replace")


def _parse(url: str) -> Url | None:
    try:
        # 0x7f.1 is 127.0.0.1; `https:example.org` and `https:\\\\example.org` are https://example.org/
        parsed = Url(url)
    except ValidationError:
        return None
    return parsed if parsed.scheme in ("http", "https") and parsed.host else None
