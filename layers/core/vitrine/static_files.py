"""Files that are packaged with a function: a page, and the scripts, styles and icons that it names. Only
names in the folder's own listing are served.

    app = static_files.site(__name__, "docs.html")
"""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.errors import NotFound
from vitrine.http.endpoint import endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vitrine.http.endpoint import Endpoint, Request
    from vitrine.models.people import Nobody

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
# Cache-Control by suffix, for names without a hash; others are revalidated. An old icon does no harm for a
# day.
CACHED = {".svg": "public, max-age=86400"}
HASHED = re.compile(r"\.[0-9a-f]{12}\.")  # the build puts a hash of the content into the name
ICON = "/favicon.ico"  # browsers request it where a document names no icon, and accept any format


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    gzipped: bytes
    etag: str  # without quotes


def site(handler: str, first: str, *, icon: str = "", reaches_store: bool = False) -> Endpoint:
    """Return the app of the handler module of this name. It serves the file that the path's {file} names from
    the folder `assets` beside the module; without a name `first`, and at /favicon.ico `icon`.

    The Content-Security-Policy of pages: scripts and styles are our own, no other page may frame them, forms
    are sent by scripts only, and scripts may call this origin alone. With `reaches_store` they may also call
    the object store, for uploads, and show its pictures and previews of files (blob:).
    """
    folder = Path(str(sys.modules[handler].__file__)).with_name("assets")

    def app(request: Request, _: Nobody) -> Answer:
        store = f" {request.links.store}" if reaches_store else ""
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; "
            f"img-src 'self' data:{' blob:' if store else ''}{store}; connect-src 'self'{store}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        name = request.text("file") or (icon if request.path == ICON else first)
        return _answer(folder, name, request.headers, policy=policy)

    app.__module__ = handler  # its docstring names the routes
    return endpoint(STUDIO, public=True)(app)


def _answer(folder: Path, name: str, headers: Mapping[str, str], *, policy: str) -> Answer:
    """Return the file, compressed where the client accepts that, or 304 where it has the file already.
    `policy` is the Content-Security-Policy of HTML. Raises NotFound.
    """
    path = _paths(folder).get(name)
    if path is None:
        raise NotFound(f"There is no file {name[:100]}")
    file = _read(path)

    accepted = headers.get("accept-encoding", "")
    gzipped = re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", accepted) is not None
    etag = f'"{file.etag}-gzip"' if gzipped else f'"{file.etag}"'
    metadata = {
        "cache-control": "public, max-age=31536000, immutable"
        if HASHED.search(name)
        else CACHED.get(path.suffix, "no-cache"),
        "etag": etag,
        "vary": "Origin, Accept-Encoding",
        **({"content-security-policy": policy} if path.suffix == ".html" else {}),
    }
    if etag in re.split(r"\s*,\s*", headers.get("if-none-match", "").replace("W/", "")):
        return Answer(None, 304, metadata)
    if gzipped:
        metadata["content-encoding"] = "gzip"
    content = file.gzipped if gzipped else file.content
    return Answer(content, 200, {"content-type": TYPES[path.suffix], **metadata})


@cache
def _paths(folder: Path) -> Mapping[str, Path]:
    return {path.name: path for path in folder.iterdir() if path.suffix in TYPES}


@cache
def _read(path: Path) -> File:
    content = path.read_bytes()
    return File(content, gzip.compress(content, 6, mtime=0), hashlib.sha256(content).hexdigest()[:16])
