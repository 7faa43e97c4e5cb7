"""Uploads one picture in parts, as docs/uploading.md tells: python3 docs/upload.py ORIGIN KEY FILE"""

import json
import mimetypes
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

TRIES = 5


def main(origin: str, key: str, file: Path) -> None:
    """Prints the address of the item once it is ready; ends with a sentence where it is not."""
    size = file.stat().st_size
    wanted = {"filename": file.name, "type": mimetypes.guess_type(file.name)[0], "size": size}
    upload = ask(origin, key, "POST", "/api/upload/s3/multipart", wanted)
    at, named = f"/api/upload/s3/multipart/{upload['uploadId']}", f"key={quote(upload['key'], safe='')}"

    parts: list[dict[str, object]] = []
    with file.open("rb") as source:
        while part := source.read(upload["partSize"]):
            number = len(parts) + 1
            parts.append({"PartNumber": number, "ETag": put(origin, key, f"{at}/{number}?{named}", part)})
            print(f"{min(number * upload['partSize'], size)} of {size} bytes", file=sys.stderr)

    ask(origin, key, "POST", f"{at}/complete?{named}", {"parts": parts})
    while (upload := ask(origin, key, "GET", f"/api/upload/{upload['mediaId']}"))["state"] not in ("ready", "rejected", "failed"):
        time.sleep(0.2)
    if upload["state"] != "ready":
        sys.exit(f"{upload['state']}: {upload['reason']}")
    print(upload["media"]["blob"])


def put(origin: str, key: str, path: str, part: bytes) -> str:
    """The part's ETag. A URL that has expired meanwhile is asked for again."""
    for left in reversed(range(TRIES)):
        url = ask(origin, key, "GET", path)["url"]
        try:
            with urlopen(Request(url, data=part, method="PUT")) as answer:  # noqa: S310
                etag: str = answer.headers["ETag"]
                return etag
        except HTTPError as refused:
            if refused.code != 403 or not left:
                raise
    raise AssertionError("unreachable")


def ask(origin: str, key: str, method: str, path: str, body: object = None) -> dict[str, Any]:
    """The answer, asked for again while the server is busy. Ends the program with its sentence where it refuses."""
    data = json.dumps(body).encode() if body is not None else None
    request = Request(origin + path, data=data, method=method, headers={"x-api-key": key, "content-type": "application/json"})  # noqa: S310
    for left in reversed(range(TRIES)):
        try:
            with urlopen(request) as answer:  # noqa: S310
                said: dict[str, Any] = json.load(answer)
                return said
        except HTTPError as refused:
            if refused.code != 503 or not left:
                sys.exit(json.load(refused).get("error", str(refused)))
            time.sleep(int(refused.headers.get("Retry-After", 2)))
    raise AssertionError("unreachable")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
