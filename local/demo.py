"""The demo organization with an owner, a key, a folder and a few pictures, uploaded like any client's. `make
run` starts it.

    python -m local.demo --folder .vitrine      in a function's environment

An interrupted run is continued by the next one. When all is there, it only prints the URLs again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import urllib3

from local.config import config, save
from vitrine.process import hide

if TYPE_CHECKING:
    from local.pictures import Picture

PATIENCE = 120.0  # seconds until the pictures are ready
FINAL = ("ready", "rejected", "failed")
FOLDER = "Landscapes"
IN_FOLDER = {"dawn-over-the-hills.jpg", "lighthouse.jpg", "dunes.jpg", "night.webp"}
# the largest is a multipart upload; the others are one presigned form each
IN_PARTS = "dawn-over-the-hills.jpg"


class DemoError(Exception):
    """An answer of the API that the demo cannot continue after."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m local.demo")
    arguments.add_argument("--folder", type=Path, required=True)
    folder: Path = arguments.parse_args().folder
    hide()
    origin = os.environ["ORIGIN"]
    try:
        settings = config(folder)
        # 401: the key belongs to another database
        if not settings.demo_key or Api(origin, settings.demo_key).status("/api/me") == 401:
            settings = save(folder, replace(settings, demo_key=create_key(), demo_collection=""))
        api = Api(origin, settings.demo_key)
        if not settings.demo_collection:
            settings = save(folder, replace(settings, demo_collection=upload_pictures(api)))
    except (DemoError, urllib3.exceptions.HTTPError) as error:
        print(f"The demo could not be made, everything else runs: {error}", file=sys.stderr, flush=True)
        return 1
    print_urls(origin, settings.demo_key, settings.demo_collection)
    return 0


def print_urls(origin: str, key: str, collection: str) -> None:
    print(
        f"\nVitrine runs. The page:   {origin}/#key={key}\n"
        f"The documents:            {origin}/api/docs\n"
        "The same from a terminal:\n\n"
        f"curl -H 'x-api-key: {key}' '{origin}/api/dataset/{collection}/media'\n\nCtrl-C stops it. "
        "For other ports: make run ARGS='--port 9000 --store-port 9001'.",
        flush=True,
    )


def create_key() -> str:
    """Create an API key of the owner of the organization `demo`; owner and organization are created when
    missing.

    The library is called directly, as by the operator, because no person is signed in yet.
    """
    from vitrine.errors import Conflict  # the library reads its environment, so only as this program
    from vitrine.library import organizations

    email, person = "demo@localhost", "Demo"
    try:
        created = organizations.create(
            email=email, person=person, name="Demo", slug="demo", collection="Demo"
        )
        owner = created.user_id
    except Conflict:  # created by an earlier run
        owner = organizations.add_person(email=email, name=person)
    return organizations.add_key(owner, "make run", ["*"])


def upload_pictures(api: Api) -> str:
    """Upload the pictures that the default collection lacks, and return its id."""
    from local import pictures  # and Pillow with it: only when there is something to draw

    organization = api.get("/api/me")["organizationId"]
    listed = api.get(f"/api/organization/{organization}/datasets")
    collection: str = (listed["datasets"] if isinstance(listed, dict) else listed)[0]["id"]
    folder = api.post("/api/folder", {"datasetId": collection, "name": FOLDER, "reuse": True})["folder"]
    places = ("", f"&path={quote(folder['path'])}")
    present = {
        item["name"]
        for place in places
        for item in api.get(f"/api/dataset/{collection}/media?limit=100{place}")["media"]
    }
    missing = [picture for picture in pictures.demo() if picture.filename not in present]
    if missing:
        print(f"Uploading {len(missing)} pictures ...", flush=True)
    uploads: dict[str, str] = {}
    for picture in missing:
        metadata = {
            "datasetId": collection,
            "name": picture.filename,
            **({"path": folder["path"]} if picture.filename in IN_FOLDER else {}),
        }
        send = upload_in_parts if picture.filename == IN_PARTS else upload_as_form
        uploads[send(api, picture, metadata)] = picture.filename
    for media, state in wait_until_final(api, list(uploads)).items():
        if state != "ready":
            print(f"{uploads[media]}: {state}", flush=True)
    return collection


def upload_as_form(api: Api, picture: Picture, metadata: Mapping[str, str]) -> str:
    query = {
        "filename": picture.filename,
        "type": picture.mime_type,
        **{f"metadata[{k}]": v for k, v in metadata.items()},
    }
    signed = api.get(f"/api/upload/s3/params?{urlencode(query)}")
    form = {**signed["fields"], "file": (picture.filename, picture.data, picture.mime_type)}
    answer = api.pool.request("POST", signed["url"], fields=form)
    if answer.status >= 300:
        raise DemoError(f"the store answered {answer.status} to {picture.filename}")
    media: str = signed["mediaId"]
    return media


def upload_in_parts(api: Api, picture: Picture, metadata: Mapping[str, str]) -> str:
    body = {
        "filename": picture.filename,
        "type": picture.mime_type,
        "size": len(picture.data),
        "metadata": metadata,
    }
    upload = api.post("/api/upload/s3/multipart", body)
    at, key, size = (
        f"/api/upload/s3/multipart/{upload['uploadId']}",
        quote(upload["key"], safe=""),
        int(upload["partSize"]),
    )
    parts: list[dict[str, object]] = []
    for number, start in enumerate(range(0, len(picture.data), size), 1):
        signed = api.get(f"{at}/{number}?key={key}")
        answer = api.pool.request(
            "PUT", signed["url"], body=picture.data[start : start + size], headers=signed.get("headers") or {}
        )
        if answer.status != 200:
            raise DemoError(f"the store answered {answer.status} to part {number} of {picture.filename}")
        parts.append({"PartNumber": number, "ETag": answer.headers["ETag"]})
    api.post(f"{at}/complete?key={key}", {"parts": parts})
    media: str = upload["mediaId"]
    return media


def wait_until_final(api: Api, uploads: Sequence[str]) -> dict[str, str]:
    """Wait until the uploads have a final state. Returns the last state of each after at most PATIENCE
    seconds.
    """
    until = time.monotonic() + PATIENCE
    states = dict.fromkeys(uploads, "created")
    while (
        unfinished := [u for u, state in states.items() if state not in FINAL]
    ) and time.monotonic() < until:
        for upload in unfinished:
            states[upload] = api.get(f"/api/upload/{upload}")["state"]
        time.sleep(0.2)
    return states


@dataclass(frozen=True, slots=True)
class Api:
    origin: str
    key: str
    pool: urllib3.PoolManager = urllib3.PoolManager(timeout=30.0)  # noqa: RUF009 - one pool is shared by all instances

    def status(self, path: str) -> int:
        return self._request("GET", path).status

    def get(self, path: str) -> Any:
        return self._json("GET", path)

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        return self._json("POST", path, json.dumps(body).encode())

    def _json(self, method: str, path: str, body: bytes | None = None) -> Any:
        answer = self._request(method, path, body)
        if answer.status >= 300:
            raise DemoError(
                f"{method} {path.partition('?')[0]} answered {answer.status}: "
                f"{answer.data[:300].decode(errors='replace')}"
            )
        return json.loads(answer.data)

    def _request(self, method: str, path: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        headers = {
            "x-api-key": self.key,
            **({"content-type": "application/json"} if body is not None else {}),
        }
        return self.pool.request(method, self.origin + path, body=body, headers=headers)


if __name__ == "__main__":
    sys.exit(main())
