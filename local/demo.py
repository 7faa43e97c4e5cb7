"""The demo: an organization with an owner, a key, a folder and a few pictures, uploaded as any client
uploads. Run by `make run`.

    python -m local.demo --folder .vitrine      in a function's environment

Goes on where an interrupted run stopped; once done it only says again what to open.
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

from local.config import config, keep
from vitrine.process import hide

if TYPE_CHECKING:
    from local.pictures import Picture

PATIENCE = 120.0  # seconds until the pictures are ready
FINAL = ("ready", "rejected", "failed")
FOLDER = "Landscapes"
IN_FOLDER = {"dawn-over-the-hills.jpg", "lighthouse.jpg", "dunes.jpg", "night.webp"}
# the largest takes the way of large files; the others go as one form each
IN_PARTS = "dawn-over-the-hills.jpg"


class DemoError(Exception):
    """The API answered what the demo cannot go on from."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m local.demo")
    arguments.add_argument("--folder", type=Path, required=True)
    folder: Path = arguments.parse_args().folder
    hide()
    origin = os.environ["ORIGIN"]
    try:
        kept = config(folder)
        # 401: another database than the one it was made in
        if not kept.demo_key or Api(origin, kept.demo_key).status("/api/me") == 401:
            kept = keep(folder, replace(kept, demo_key=new_key(), demo_collection=""))
        api = Api(origin, kept.demo_key)
        if not kept.demo_collection:
            kept = keep(folder, replace(kept, demo_collection=furnish(api)))
    except (DemoError, urllib3.exceptions.HTTPError) as error:
        print(f"The demo could not be made, everything else runs: {error}", file=sys.stderr, flush=True)
        return 1
    show(origin, kept.demo_key, kept.demo_collection)
    return 0


def show(origin: str, key: str, collection: str) -> None:
    print(
        f"\nVitrine runs. The page:   {origin}/#key={key}\nThe documents:            {origin}/api/docs\nThe same from a terminal:\n\n"
        f"curl -H 'x-api-key: {key}' '{origin}/api/dataset/{collection}/media'\n\nCtrl-C stops it. "
        "For other ports: make run ARGS='--port 9000 --store-port 9001'.",
        flush=True,
    )


def new_key() -> str:
    """Of the owner of the organization `demo`, both made where they were not. The operator's own way: no
    API founds an organization.
    """
    from vitrine.errors import Conflict  # the library reads its environment, so only as this program
    from vitrine.library import organizations

    email, person = "demo@localhost", "Demo"
    try:
        founded = organizations.create(
            email=email, person=person, name="Demo", slug="demo", collection="Demo"
        )
        owner = founded.user_id
    except Conflict:  # an earlier run founded it
        owner = organizations.add_person(email=email, name=person)
    return organizations.add_key(owner, "make run", ["*"])


def furnish(api: Api) -> str:
    """The pictures are in the default collection, each once; its id."""
    from local import pictures  # and Pillow with it: only when there is something to draw

    organization = api.get("/api/me")["organizationId"]
    listed = api.get(f"/api/organization/{organization}/datasets")
    collection: str = (listed["datasets"] if isinstance(listed, dict) else listed)[0]["id"]
    folder = api.post("/api/folder", {"datasetId": collection, "name": FOLDER, "reuse": True})["folder"]
    places = ("", f"&path={quote(folder['path'])}")
    there = {
        item["name"]
        for place in places
        for item in api.get(f"/api/dataset/{collection}/media?limit=100{place}")["media"]
    }
    missing = [picture for picture in pictures.demo() if picture.filename not in there]
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
    for media, state in finalized(api, list(uploads)).items():
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
    asked = {
        "filename": picture.filename,
        "type": picture.mime_type,
        "size": len(picture.data),
        "metadata": metadata,
    }
    upload = api.post("/api/upload/s3/multipart", asked)
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


def finalized(api: Api, uploads: Sequence[str]) -> dict[str, str]:
    """What became of each: its last state, `processing` where it takes longer than we wait."""
    until = time.monotonic() + PATIENCE
    states = dict.fromkeys(uploads, "created")
    while (
        open_ones := [u for u, state in states.items() if state not in FINAL]
    ) and time.monotonic() < until:
        for upload in open_ones:
            states[upload] = api.get(f"/api/upload/{upload}")["state"]
        time.sleep(0.2)
    return states


@dataclass(frozen=True, slots=True)
class Api:
    origin: str
    key: str
    pool: urllib3.PoolManager = urllib3.PoolManager(timeout=30.0)  # noqa: RUF009 - one pool is shared by all instances

    def status(self, path: str) -> int:
        return self._ask("GET", path).status

    def get(self, path: str) -> Any:
        return self._json("GET", path)

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        return self._json("POST", path, json.dumps(body).encode())

    def _json(self, method: str, path: str, body: bytes | None = None) -> Any:
        answer = self._ask(method, path, body)
        if answer.status >= 300:
            raise DemoError(
                f"{method} {path.partition('?')[0]} answered {answer.status}: {answer.data[:300].decode(errors='replace')}"
            )
        return json.loads(answer.data)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        headers = {
            "x-api-key": self.key,
            **({"content-type": "application/json"} if body is not None else {}),
        }
        return self.pool.request(method, self.origin + path, body=body, headers=headers)


if __name__ == "__main__":
    sys.exit(main())
