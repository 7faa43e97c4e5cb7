"""Links: permanent ones, which can be stored in a page and revoked, and signed URLs of derived objects."""

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
from vitrine.urls import normalize

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models.media import Link

MAX_REDIRECT_AGE = 300  # seconds that a browser may cache the redirect of a permanent link
NAMELESS = "file"  # the file name of a download when no character of the item's name is left

# Control characters, line separators, and the characters that change the direction of writing (Unicode's
# Bidi_Control), which can make `gpj.exe` look like `exe.jpg`.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_SUFFIX = re.compile(r"(?<=.)(\.[A-Za-z0-9]{1,5})[. ]*\Z")
_SUFFIXES = frozenset(suffix for mime_type in TYPES for suffix in suffixes(mime_type))
# Suffixes of other kinds of files, which a name may have by mistake or in order to deceive. Any other text
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
    """An object with a permanent link."""

    @property
    def id(self) -> UUID: ...

    @property
    def link_token(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Links:
    """The links in a response. `origin` is the origin of the request, without a trailing slash."""

    origin: str

    def permanent(self, media: Linked) -> str:
        """A URL that is readable without credentials, by a redirect. It answers 404 once the item is deleted
        or blocked.
        """
        return f"{self.origin}/f/{media.id.hex}/{media.link_token}"

    @property
    def store(self) -> str:
        """The origin of signed URLs."""
        return storage.origin()

    def object(self, key: str) -> str:
        """A signed URL of a derived object (frame, thumbnail, crop), served with the type it was stored with,
        valid for `read_url_ttl` seconds.
        """
        return storage.sign_get(key)


@dataclass(frozen=True, slots=True)
class Redirect:
    """The current target of a permanent link."""

    url: str
    seconds: int  # that a browser may cache the redirect: less than the URL is valid


def redirect(
    link: Link,
    *,
    size: Literal["frame", "thumbnail"] | None = None,
    original: bool = False,
    download: bool = False,
    head: bool = False,
) -> Redirect:
    """The redirect to the file; or to its frame, when a browser cannot show the file and neither `original`
    nor `download` was requested; or to the derived image of the requested size.

    `head`: the request is a HEAD request. The client that follows the redirect sends HEAD again, so the URL
    is signed for that method.

    Raises NotFound when the requested size was not derived (yet).
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
        # A type that can contain scripts is served as another one: the store cannot send `nosniff`, and
        # `<img>` shows an SVG even as an attachment.
        served_as = storage.STORED_TYPE if link.mime_type in DOCUMENTS else link.mime_type
        disposition = _disposition(kind, download_name(link.name, link.mime_type or ""))
        url = storage.sign_get(link.key, mime_type=served_as, disposition=disposition, head=head)
    elif link.external_url is not None:
        # URLs that were registered before `normalize` existed are not in that form.
        url = normalize(link.external_url) or ""
        if not url:
            raise NotFound("Not found")
    else:
        raise NotFound("Not found")
    return Redirect(url, min(MAX_REDIRECT_AGE, settings().read_url_ttl // 2))


def download_name(name: str, mime_type: str) -> str:
    """The file name under which a file of this verified type is saved: the item's name, with a suffix of the
    type.

    A suffix of the type is kept, in upper or lower case. A suffix of another kind of file is replaced. Any
    other text after a dot (`Dr. Jones`, `v1.2`) belongs to the name. Removed, because a file system or a
    reader could misread them: control characters, characters that change the direction of writing, white
    space at the ends, dots and white space before the suffix.

    The result is at most as long as a name may be. The name is not changed when the type is unknown.
    """
    text = _UNSEEN.sub("", name).strip()
    known = suffixes(mime_type)
    if not known:
        return text[:MAX_NAME] or NAMELESS
    if text.lower() in known:  # the name of a hidden file, which consists of the suffix alone
        return text
    stem, suffix = text, known[0]
    while match := _SUFFIX.search(stem):
        present = match[1].lower()
        if present not in known and present not in _SUFFIXES and present not in _OTHER_FILES:
            break
        stem = stem[: match.start()]
        if present in known:
            suffix = match[1]
            break
    return (stem[: MAX_NAME - len(suffix)].rstrip(". \u00a0\u3000") or NAMELESS) + suffix


def _disposition(kind: Literal["inline", "attachment"], name: str) -> str:
    """A Content-Disposition by RFC 6266: the name in UTF-8, and in ASCII for clients that cannot
    read that.
    """
    ascii_name = re.sub(r"[^A-Za-z0-9._ ()+-]", "_", name)
    return f"{kind}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
