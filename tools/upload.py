"""Uploads files and whole folders, in parts, as docs/uploading.md describes.

It needs Python's standard library alone.
"""

import argparse
import http.client
import json
import mimetypes
import os
import sys
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen
from uuid import UUID, uuid4

TRIES = 5
ANSWERS_WITHIN = 120  # seconds
READY_WITHIN = 3600  # seconds, for a file whose bytes have all been sent
AT_ONCE = 20  # files in processing while the next one is sent
FINAL = ("ready", "rejected", "failed", "aborted", "expired")
JUNK = {
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "__macosx",
    "@eadir",
    "$recycle.bin",
    "system volume information",
    "icon\r",
}


class Failed(Exception):
    """One file cannot be uploaded, for this reason; others may."""


class Stopped(Exception):
    """No file can be uploaded, for this reason."""


@dataclass(frozen=True)
class File:
    """A file and its path in the library.

    `relative_path` begins with the name of the folder on the command line. It is None for a file that the
    command line names itself.
    """

    path: Path
    relative_path: str | None

    @property
    def label(self) -> str:
        return printable(self.relative_path or str(self.path))


@dataclass
class Server:
    """The API at this origin, asked with this key."""

    origin: str
    key: str
    has_answered: bool = field(default=False, init=False)

    def ask(self, method: str, path: str, body: object = None, *, once: bool = False) -> dict[str, Any]:
        """Return the answer. Ask again while the server is busy or the connection is lost: every call may be
        repeated.

        `once` sends an idempotency key, so that a repeated call creates nothing a second time.
        Raises Failed or Stopped.
        """
        headers = {
            "x-api-key": self.key,
            "content-type": "application/json",
            **({"idempotency-key": uuid4().hex} if once else {}),
        }
        data = json.dumps(body).encode() if body is not None else None
        request = Request(self.origin + path, data=data, method=method, headers=headers)
        for left in reversed(range(TRIES)):
            try:
                with urlopen(request, timeout=ANSWERS_WITHIN) as answer:
                    answered = json.load(answer)
            except HTTPError as error:
                if (error.code in (429, 503) or "Retry-After" in error.headers) and left:
                    time.sleep(wait_of(error))
                    continue
                raise self.failure(error) from None
            except ValueError:
                raise Stopped(
                    f"{self.origin} does not answer as Vitrine does: is it the API's address?"
                ) from None
            except (OSError, http.client.HTTPException) as lost:
                if not self.has_answered or not left:
                    raise Stopped(
                        f"{self.origin} cannot be reached: "
                        f"{getattr(lost, 'reason', None) or lost or type(lost).__name__}"
                    ) from None
                time.sleep(1)
                continue
            self.has_answered = True
            if not isinstance(answered, dict):
                raise Stopped(f"{self.origin} does not answer as Vitrine does: is it the API's address?")
            return answered
        raise AssertionError("unreachable")

    def failure(self, error: HTTPError) -> Exception:
        """The exception for a status other than 200: Stopped where the key or the collection is wrong."""
        sentence = sentence_of(error)
        if sentence is None and error.code in (404, 405, 501):
            return Stopped(f"{self.origin} does not answer as Vitrine does: is it the API's address?")
        sentence = sentence or f"the server answered {error.code} {error.reason}"
        if error.code == 401:
            return Stopped(f"The key is not accepted: {sentence}")
        return Stopped(sentence) if error.code in (403, 404, 405, 429, 503) else Failed(sentence)

    def put(self, path: str, part: bytes) -> str:
        """Send a part and return its ETag.

        An expired URL is replaced by a new one, and a part whose connection was lost is sent again.
        Raises Failed.
        """
        for left in reversed(range(TRIES)):
            url = self.ask("GET", path)["url"]
            try:
                with urlopen(Request(url, data=part, method="PUT"), timeout=ANSWERS_WITHIN) as answer:
                    etag: str = answer.headers["ETag"]
                    return etag
            except HTTPError as error:
                if error.code not in (403, 500, 503) or not left:
                    raise Failed(f"the store answered {error.code} to a part") from None
            except (OSError, http.client.HTTPException) as lost:
                if not left:
                    raise Failed(
                        f"the store cannot be reached: {getattr(lost, 'reason', None) or lost}"
                    ) from None
            time.sleep(1)
        raise AssertionError("unreachable")


def main() -> int:
    """Return 0 when every file is ready, else 1; the reason for each other file was printed."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a file's name may be no valid text
    options = arguments()
    unread: list[str] = []
    files = [file for path in options.paths for file in files_of(path, unread)]
    alone = len(options.paths) == 1 and not options.paths[0].is_dir()
    for sentence in unread:
        print(sentence, file=sys.stderr)
    if not files:
        print("There is no file to upload", file=sys.stderr)
        return 1

    server = Server(options.origin.rstrip("/"), options.key)
    waiting: list[tuple[File, str]] = []
    done = 0
    try:
        for file in files:
            send(server, file, options.collection, waiting, alone=alone)
            if len(waiting) >= AT_ONCE:
                done += report(server, *waiting.pop(0), alone=alone)
        for each in waiting:
            done += report(server, *each, alone=alone)
    except Stopped as reason:
        print(reason, file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted", file=sys.stderr)
    if not alone:
        print(f"{done} of {len(files)} files are uploaded", file=sys.stderr)
    return 0 if done == len(files) and not unread else 1


def arguments() -> argparse.Namespace:
    """Parse the command line. Ends the program with a sentence where an argument is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("origin", help="address of the API, such as http://127.0.0.1:8484")
    parser.add_argument("key", help="API key with the scope media:write")
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="path", help="a file, or a folder with everything in it"
    )
    parser.add_argument(
        "--collection", help="id of the collection; default: the organization's default collection"
    )
    options = parser.parse_args()
    try:
        place = urlsplit(options.origin)
        is_address = place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        sys.exit(f"{options.origin} is no address of an API: one is http://127.0.0.1:8484")
    if not options.key.isascii() or not options.key.isprintable():
        sys.exit("The key is not accepted: it has characters that no key has")
    if options.collection is not None:
        try:
            options.collection = UUID(options.collection).hex
        except ValueError:
            sys.exit(f"{options.collection} is no id of a collection: it has 32 hexadecimal digits")
    for path in options.paths:
        if not path.is_dir() and not path.is_file():
            sys.exit(f"{path} is neither a file nor a folder" if path.exists() else f"{path} does not exist")
    return options


def files_of(path: Path, unread: list[str]) -> Iterator[File]:
    """Yield the file, or the files below the folder.

    Hidden files, files that operating systems leave behind, and folders behind symbolic links are skipped. A
    sentence for each folder that cannot be read is added to `unread`.
    """
    if not path.is_dir():
        yield File(path, None)
        return
    top = path.resolve()

    def note(error: OSError) -> None:
        unread.append(f"{error.filename}: {error.strerror}")

    for folder, folders, names in os.walk(top, onerror=note):
        folders[:] = sorted(name for name in folders if is_wanted(name))
        for name in sorted(filter(is_wanted, names)):
            file = Path(folder) / name
            if file.is_file():
                yield File(file, "/".join((*([top.name] if top.name else []), *file.relative_to(top).parts)))


def is_wanted(name: str) -> bool:
    return not name.startswith((".", "~$")) and name.lower() not in JUNK


def send(
    server: Server, file: File, collection: str | None, waiting: list[tuple[File, str]], *, alone: bool
) -> None:
    """Send all bytes of the file and add it, with its item's id, to `waiting`; or print why that failed."""
    try:
        waiting.append((file, upload(server, file, collection, alone=alone)))
    except Failed as reason:
        print_error(file, str(reason), alone=alone)
    except OSError as error:
        print_error(
            file,
            f"{file.label} cannot be read: {error.strerror or error}"
            if alone
            else f"cannot be read: {error.strerror or error}",
            alone=alone,
        )


def upload(server: Server, file: File, collection: str | None, *, alone: bool) -> str:
    """Send all bytes of the file and return the id of its item. Raises Failed, OSError, Stopped."""
    if not is_text(file.relative_path or file.path.name):
        raise Failed(
            "its name is not valid UTF-8; rename it"
            if file.relative_path is None
            else "its path is not valid UTF-8; rename it"
        )
    with file.path.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        metadata = {"datasetId": collection, "relativePath": file.relative_path}
        wanted = {
            "filename": file.path.name,
            "type": mimetypes.guess_type(file.path.name)[0],
            "size": size,
            "metadata": metadata,
        }
        created = server.ask("POST", "/api/upload/s3/multipart", wanted, once=True)
        at, named = f"/api/upload/s3/multipart/{created['uploadId']}", f"key={quote(created['key'], safe='')}"
        parts: list[dict[str, object]] = []
        try:
            while part := source.read(created["partSize"]):
                number = len(parts) + 1
                parts.append({"PartNumber": number, "ETag": server.put(f"{at}/{number}?{named}", part)})
                if alone:
                    print(f"{min(number * created['partSize'], size)} of {size} bytes", file=sys.stderr)
            server.ask("POST", f"{at}/complete?{named}", {"parts": parts})
        except (Failed, OSError):
            abandon(server, f"{at}?{named}")
            raise
    media: str = created["mediaId"]
    return media


def is_text(name: str) -> bool:
    """False where bytes of the name are not valid UTF-8.

    Python represents such bytes as lone surrogates, which no API accepts.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def abandon(server: Server, path: str) -> None:
    """Abort a failed upload, so that nothing of it stays in the store.

    If the server does not answer, the upload expires.
    """
    try:
        server.ask("DELETE", path)
    except (Failed, Stopped):
        return


def report(server: Server, file: File, media: str, *, alone: bool) -> int:
    """Wait until the file is processed, and print the item's address, or the reason.

    Returns 1 when the file is ready, else 0.
    """
    until, pause = time.monotonic() + READY_WITHIN, 0.1
    try:
        while (upload := server.ask("GET", f"/api/upload/{media}"))["state"] not in FINAL:
            if time.monotonic() > until:
                raise Failed(
                    f"it is still being processed: GET /api/upload/{media} says what has become of it"
                )
            time.sleep(pause)
            pause = min(1.5 * pause, 2)
    except Failed as reason:
        print_error(file, str(reason), alone=alone)
        return 0
    if upload["state"] != "ready":
        print_error(file, f"{upload['state']}: {upload['reason']}", alone=alone)
        return 0
    link = upload["media"]["blob"] if "media" in upload else f"{server.origin}/api/media/{media}"
    print(link if alone else f"{file.label}: {link}", flush=True)
    return 1


def print_error(file: File, sentence: str, *, alone: bool) -> None:
    print(sentence if alone else f"{file.label}: {sentence}", file=sys.stderr)


def printable(name: str) -> str:
    """The name on one line: control characters, and bytes that are not valid UTF-8, are replaced by
    escapes such as `\\n`.
    """
    unshown = ("Cc", "Cs", "Zl", "Zp")
    return "".join(
        each.encode("unicode_escape").decode() if unicodedata.category(each) in unshown else each
        for each in name
    )


def sentence_of(error: HTTPError) -> str | None:
    """The server's own sentence, with what is wrong in detail; None where the answer is not one of
    Vitrine's.
    """
    try:
        answered = json.load(error)
        details = [
            f"{'.'.join(map(str, detail['path']))}: {detail['message']}"
            for detail in answered.get("details", [])
        ]
        return "; ".join([str(answered["error"]), *details])
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return None


def wait_of(error: HTTPError) -> int:
    """Seconds after which a busy server may be asked again."""
    seconds = error.headers.get("Retry-After", "")
    return min(int(seconds), 60) if seconds.isdigit() else 2


if __name__ == "__main__":
    sys.exit(main())
