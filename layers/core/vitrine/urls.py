"""URLs from requests and from other servers, parsed as browsers parse them (WHATWG's URL standard)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from pydantic_core import Url, ValidationError

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))


def parse(url: str) -> Url | None:
    """The URL of http or https; None for any other text, and for one with control characters, which parsers
    treat differently.

    `str` of it is the normalized form: ASCII, with the name of the host in Punycode and the path
    percent-encoded. To parse that again gives the
    same URL, so whoever keeps the normalized form keeps what was checked.
    """
    return None if contains_control(url) else _read(url)


def normalize(url: str) -> str | None:
    """The normalized form of a URL that was kept as it was given, before URLs were normalized. What a browser
    drops from it is dropped.

    None: no browser would follow it.
    """
    found = _read(url)
    return None if found is None else str(found)


def contains_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def encode_for_header(url: str) -> str:
    """Return the URL with every character percent-encoded that a header may not contain. It may be a
    relative reference, and is not parsed.
    """
    return quote(url, safe=_VISIBLE, errors="replace")


def _read(url: str) -> Url | None:
    try:
        # 0x7f.1 is 127.0.0.1; `https:example.org` and `https:\\\\example.org` are https://example.org/
        found = Url(url)
    except ValidationError:
        return None
    return found if found.scheme in ("http", "https") and found.host else None
