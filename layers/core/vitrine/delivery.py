"""Links: permanent ones, which can be stored in a page and taken back, and signed ones to what was
derived.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import quote

from vitrine import storage
from vitrine.errors import NotFound
from vitrine.media_types import DOCUMENTS, SHOWABLE, TYPES, suffixes
from vitrine.models.media import MAX_NAME
from vitrine.settings import settings
from vitrine.urls import normalized

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models.media import Link

MAX_REDIRECT_AGE = 300  # seconds that a browser may keep where a permanent link led
NAMELESS = "file"  # what is downloaded is called so where nothing is left of a name

# Control characters, separators of lines, and the signs that change the direction of writing (Unicode's
# Bidi_Control): `gpj.exe` written backwards.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_SUFFIX = re.compile(r"(?<=.)(\.[A-Za-z0-9]{1,5})[. ]*\Z")
_SUFFIXES = frozenset(suffix for mime_type in TYPES for suffix in suffixes(mime_type))
# Suffixes of other kinds of files, which a name may have by mistake or in order to deceive. Any other word
# after a dot may be part of a name.
_OTHER_FILES = frozenset(
    {
        ".aac",
        ".aiff",
        ".apk",
        ".app",
        ".asp",
        ".aspx",
        ".avi",
        ".bat",
        ".bin",
        ".bz2",
        ".cab",
        ".class",
        ".cmd",
        ".cpl",
        ".csh",
        ".css",
        ".csv",
        ".dll",
        ".dmg",
        ".doc",
        ".docm",
        ".docx",
        ".eml",
        ".eps",
        ".epub",
        ".exe",
        ".flac",
        ".flv",
        ".gz",
        ".hta",
        ".htm",
        ".html",
        ".ico",
        ".ini",
        ".iso",
        ".jar",
        ".java",
        ".jnlp",
        ".js",
        ".json",
        ".jse",
        ".jsp",
        ".jxl",
        ".ksh",
        ".lnk",
        ".log",
        ".lua",
        ".mht",
        ".mid",
        ".mjs",
        ".mp3",
        ".msc",
        ".msi",
        ".msp",
        ".odp",
        ".ods",
        ".odt",
        ".ogg",
        ".ogv",
        ".otf",
        ".php",
        ".phtml",
        ".pif",
        ".pl",
        ".ppt",
        ".pptm",
        ".pptx",
        ".ps1",
        ".psd",
        ".py",
        ".rar",
        ".rb",
        ".reg",
        ".rm",
        ".rtf",
        ".scf",
        ".scr",
        ".sh",
        ".shtml",
        ".so",
        ".swf",
        ".sys",
        ".tar",
        ".tgz",
        ".ttf",
        ".txt",
        ".url",
        ".vbe",
        ".vbs",
        ".wav",
        ".wma",
        ".wmv",
        ".woff",
        ".woff2",
        ".wsf",
        ".wsh",
        ".xht",
        ".xhtml",
        ".xls",
        ".xlsm",
        ".xlsx",
        ".xml",
        ".xsl",
        ".xz",
        ".zip",
        ".7z",
        ".kdc",
        ".nrw",
        ".rwl",
        ".sr2",
        ".srf",
        ".jp2",
        ".j2k",
        ".jpx",
    }
)


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
        """A signed URL of a derived object (frame, thumbnail, crop), served as the type it was stored
        with, for `read_url_ttl` seconds.
        """
        return storage.sign_get(key)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a permanent link leads for now."""

    url: str
    seconds: int  # for which it may be kept: less than the URL lives


def redirect(
    link: Link,
    *,
    size: Literal["frame", "thumbnail"] | None = None,
    original: bool = False,
    download: bool = False,
    head: bool = False,
) -> Redirect:
    """To the file, or to its frame where a browser cannot show the file and nobody asked for the `original`
    or to `download` it; or to that size.

    `head`: the request is a HEAD, and whoever follows the redirect sends a HEAD again: the signed URL is for
    that method then.
    Raises NotFound where that size was not derived (yet).
    """
    derived = {"frame": link.frame_key, "thumbnail": link.thumbnail_key}
    if (
        size is None
        and not original
        and not download
        and link.mime_type not in SHOWABLE
        and link.frame_key is not None
    ):
        size = "frame"
    if size is not None:
        key = derived[size]
        if key is None:
            raise NotFound(f"There is no {size} of this item")
        mime_type = "image/webp" if size == "thumbnail" else link.frame_mime_type or "image/jpeg"
        disposition = _disposition("attachment", download_name(link.name, mime_type)) if download else None
        url = storage.sign_get(key, disposition=disposition, head=head)
    elif link.key is not None:
        kind: Literal["inline", "attachment"] = (
            "attachment" if download or link.mime_type not in SHOWABLE else "inline"
        )
        # What can hold scripts is not even called by its name: the store cannot be made to say `nosniff`, and
        # `<img>` would show an attached SVG.
        served_as = storage.STORED_TYPE if link.mime_type in DOCUMENTS else link.mime_type
        disposition = _disposition(kind, download_name(link.name, link.mime_type or ""))
        url = storage.sign_get(link.key, mime_type=served_as, disposition=disposition, head=head)
    elif link.external_url is not None:
        # what was registered before URLs were kept in this form is not in it
        url = normalized(link.external_url) or ""
        if not url:
            raise NotFound("Not found")
    else:
        raise NotFound("Not found")
    return Redirect(url, min(MAX_REDIRECT_AGE, settings().read_url_ttl // 2))


def download_name(name: str, mime_type: str) -> str:
    """The file name to save a file of this verified type under: the item's name, ending in a suffix of the
    type.

    The suffix that the name has is kept where it is one of the type's, in whatever letters; it is replaced
    where it is that of another kind of file.
    What else stands after a dot (`Dr. Jones`, `v1.2`) belongs to the name. These are left out, since a file
    system or a reader could
    misread them: control characters, signs that turn the direction of writing, white space at the ends, dots
    and white space before the suffix.
    At most as long as a name may be. Of a type that is not known the name stays as it is.
    """
    text = _UNSEEN.sub("", name).strip()
    known = suffixes(mime_type)
    if not known:
        return text[:MAX_NAME] or NAMELESS
    if text.lower() in known:  # a hidden name, and nothing but the suffix
        return text
    stem, suffix = text, known[0]
    while found := _SUFFIX.search(stem):
        given = found[1].lower()
        if given not in known and given not in _SUFFIXES and given not in _OTHER_FILES:
            break
        stem = stem[: found.start()]
        if given in known:
            suffix = found[1]
            break
    return (stem[: MAX_NAME - len(suffix)].rstrip(". \u00a0\u3000") or NAMELESS) + suffix


def _disposition(kind: Literal["inline", "attachment"], name: str) -> str:
    """RFC 6266: the name in UTF-8, and in ASCII for who cannot read that."""
    return f"{kind}; filename=\"{re.sub(r'[^A-Za-z0-9._ ()+-]', '_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"
