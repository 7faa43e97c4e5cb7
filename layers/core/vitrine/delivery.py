"""Links: permanent ones, which can be stored in a page and taken back, and signed ones to what was derived."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import quote

from vitrine import storage
from vitrine.content import DOCUMENTS, SHOWABLE
from vitrine.errors import NotFound
from vitrine.settings import settings

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models import Link

TAKEN_BACK_WITHIN = 300   # seconds that a browser may keep where a permanent link led


class Linked(Protocol):
    """What has a permanent link."""

    @property
    def id(self) -> UUID: ...

    @property
    def link_token(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Links:
    """The links that an answer carries, for whoever asked at this origin (no trailing slash)."""

    origin: str

    def permanent(self, media: Linked) -> str:
        """Readable without credentials, by a redirect; 404 once the item is deleted or blocked."""
        return f"{self.origin}/f/{media.id.hex}/{media.link_token}"

    @property
    def store(self) -> str:
        """The origin that signed links lead to."""
        return storage.origin()

    def object(self, key: str) -> str:
        """A signed URL of a derived object (frame, thumbnail, crop), served as the type it was stored with, for `read_url_ttl` seconds."""
        return storage.sign_get(key)


@dataclass(frozen=True, slots=True)
class Lead:
    """Where a permanent link leads for now."""

    url: str
    seconds: int   # for which it may be kept: less than the URL lives


def lead(link: Link, *, size: Literal["frame", "thumbnail"] | None = None, original: bool = False, download: bool = False) -> Lead:
    """To the file, or to its frame where a browser cannot show the file and nobody asked for the `original` or to `download` it; or to that size.

    Raises NotFound where that size was not derived (yet).
    """
    derived = {"frame": link.frame_key, "thumbnail": link.thumbnail_key}
    if size is None and not original and not download and link.mime_type not in SHOWABLE and link.frame_key is not None:
        size = "frame"
    if size is not None:
        key = derived[size]
        if key is None:
            raise NotFound(f"There is no {size} of this item")
        suffix = ".webp" if size == "thumbnail" or link.frame_mime_type == "image/webp" else ".jpg"
        url = storage.sign_get(key, disposition=_disposition("attachment", _named(link, suffix)) if download else None)
    elif link.key is not None:
        kind: Literal["inline", "attachment"] = "attachment" if download or link.mime_type not in SHOWABLE else "inline"
        # What can hold scripts is not even called by its name: the store cannot be made to say `nosniff`, and `<img>` would show an attached SVG.
        served_as = storage.STORED_TYPE if link.mime_type in DOCUMENTS else link.mime_type
        url = storage.sign_get(link.key, mime_type=served_as, disposition=_disposition(kind, _named(link, None)))
    elif link.external_url is not None:
        url = link.external_url
    else:
        raise NotFound("Not found")
    return Lead(url, min(TAKEN_BACK_WITHIN, settings().read_url_ttl // 2))


def _named(link: Link, suffix: str | None) -> str:
    """The name to save it under, ending as its bytes do."""
    suffix = PurePosixPath(link.filename or "").suffix if suffix is None else suffix
    return link.name if not suffix or link.name.lower().endswith(suffix.lower()) else f"{link.name}{suffix}"


def _disposition(kind: Literal["inline", "attachment"], name: str) -> str:
    """RFC 6266: the name in UTF-8, and in ASCII for who cannot read that."""
    return f"{kind}; filename=\"{re.sub(r'[^A-Za-z0-9._ ()+-]', '_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"
