"""Files that travel with a function: a page, and what it names. A name that is not in the folder's own list
leads nowhere.

    app = packaged.site(__name__, "docs.html")
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
KEPT = {".svg": "public, max-age=86400"}  # an old icon does no harm for a day
HASHED = re.compile(r"\.[0-9a-f]{12}\.")  # what the build puts into a name that changes with the content
ICON = "/favicon.ico"  # what browsers ask for, in whatever format, where a document names no icon


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    squeezed: bytes  # gzip
    etag: str  # without its quotes


def site(handler: str, first: str, *, icon: str = "", reaches_store: bool = False) -> Endpoint:
    """The app of the handler module of this name: the file that the path's {file} names in the folder
    `assets` beside it, without one the `first`
    or, at /favicon.ico, the `icon`.

    Scripts and styles are ours, no page frames ours, no form sends anything but through a script, and those
    ask this origin alone; where it
    `reaches_store`, the store as well, to which files go (blob: are previews of them) and from which pictures
    come.
    """
    folder = Path(str(sys.modules[handler].__file__)).with_name("assets")

    def app(request: Request, _: Nobody) -> Answer:
        store = f" {request.links.store}" if reaches_store else ""
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{' blob:' if store else ''}{store}; "
            f"connect-src 'self'{store}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        name = request.text("file") or (icon if request.path == ICON else first)
        return _answer(folder, name, request.headers, policy=policy)

    app.__module__ = handler  # whose docstring names the routes
    return endpoint(STUDIO, public=True)(app)


def _answer(folder: Path, name: str, headers: Mapping[str, str], *, policy: str) -> Answer:
    """The file as the request's headers want it: squeezed, or not at all where the client has it. `policy` is
    the Content-Security-Policy of HTML.

    Raises NotFound.
    """
    path = _names(folder).get(name)
    if path is None:
        raise NotFound(f"There is no file {name[:100]}")
    file = _read(path)

    squeezed = (
        re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", headers.get("accept-encoding", "")) is not None
    )
    etag = f'"{file.etag}-gzip"' if squeezed else f'"{file.etag}"'
    said = {
        "cache-control": "public, max-age=31536000, immutable"
        if HASHED.search(name)
        else KEPT.get(path.suffix, "no-cache"),
        "etag": etag,
        "vary": "Origin, Accept-Encoding",
        **({"content-security-policy": policy} if path.suffix == ".html" else {}),
    }
    if etag in re.split(r"\s*,\s*", headers.get("if-none-match", "").replace("W/", "")):
        return Answer(None, 304, said)
    if squeezed:
        said["content-encoding"] = "gzip"
    return Answer(
        file.squeezed if squeezed else file.content, 200, {"content-type": TYPES[path.suffix], **said}
    )


@cache
def _names(folder: Path) -> Mapping[str, Path]:
    return {path.name: path for path in folder.iterdir() if path.suffix in TYPES}


@cache
def _read(path: Path) -> File:
    content = path.read_bytes()
    return File(content, gzip.compress(content, 6, mtime=0), hashlib.sha256(content).hexdigest()[:16])
