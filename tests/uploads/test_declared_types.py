"""The declared type of an upload is a hint: no endpoint rejects a file by it that its content would allow."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.given import pictures, videos
from tests.given.protocol import begin
from tests.given.tenants import http

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(96, 64, seed=71)

# The types by which browsers, phones and servers declare accepted files: from mime.types of Debian and
# Apache, Windows' registry, and Android.
DECLARED = (
    "",
    "null",
    "application/octet-stream",
    "binary/octet-stream",
    "application/x-octet-stream",
    "application/unknown",
    "unknown/unknown",
    "model/vnd.mts",
    "video/vnd.dlna.mpeg-tts",
    "video/mp2t",
    "video/mpeg2",
    "video/mp2p",
    "video/avchd-stream",
    "video/x-mpeg2",
    "video/x-mpegts",
    "video/x-ms-wmv",
    "video/x-msvideo",
    "video/vnd.radgamettools.bink",
    "video/ogg",
    "video/x-quicktime",
    "video/3gpp2",
    "video/h264",
    "application/mp4",
    "application/x-matroska",
    "application/vnd.apple.mpegurl",
    "audio/webm",
    "audio/3gpp",
    "image/*",
    "image/jpe",
    "image/jfif",
    "image/vnd.adobe.photoshop",
    "image/x-adobe-dng",
    "image/x-icon",
    "image/jxl",
    "image/heics",
    "image/x-canon-cr2",
    "text/plain",
    "text/vnd.trolltech.linguist",
    "text/plain; charset=utf-8",
    "text/html",
    "application/x-msdownload",
    "application/json",
    "jpeg",
    ".jpg",
    "IMAGE/JPEG",
    "image/jpeg;x=\u00e9",
    "\u56fe\u50cf",
    "a b/c d",
)


def policy_of(fields: dict[str, str]) -> list[Any]:
    found: list[Any] = json.loads(base64.b64decode(fields["policy"]))["conditions"]
    return found


def test_every_declared_type_is_accepted(tenant: Tenant) -> None:
    pinned: dict[str, str] = {}
    for declared in DECLARED:
        signed = tenant.studio.get("/api/upload/s3/params", params={"filename": "a.bin", "type": declared})
        assert signed.status_code == 200, (declared, signed.text)
        fields = signed.json()["fields"]
        assert {"Content-Type": fields["Content-Type"]} in policy_of(fields)
        pinned[declared] = fields["Content-Type"]
        begun = tenant.studio.post("/api/upload/s3/multipart", json={"filename": "a.bin", "type": declared})
        assert begun.status_code == 200, (declared, begun.text)
    assert (
        tenant.studio.get("/api/upload/s3/params", params={"filename": "a.bin"}).json()["fields"][
            "Content-Type"
        ]
        == "application/octet-stream"
    )
    assert (
        tenant.studio.post("/api/upload/s3/multipart", json={"filename": "a.bin", "type": None}).status_code
        == 200
    )
    link = {"url": "https://example.com/a.jpg", "filename": "a.jpg", "fileSize": 1}
    registered = [
        tenant.studio.post("/api/v1/media", json=link | {"mimeType": declared}) for declared in DECLARED[1::6]
    ]
    assert {answer.status_code for answer in registered} == {201}

    assert {name: pinned[name] for name in ("model/vnd.mts", "text/plain; charset=utf-8", "IMAGE/JPEG")} == {
        "model/vnd.mts": "model/vnd.mts",
        "text/plain; charset=utf-8": "text/plain",
        "IMAGE/JPEG": "image/jpeg",
    }
    assert {pinned[name] for name in ("", "null", "jpeg", ".jpg", "\u56fe\u50cf", "a b/c d")} == {
        "application/octet-stream"
    }
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize(
    "declared", ["image/jpeg\r\nx-amz-acl: public-read", "image/jpeg\0", "image/\x7f", "a/" + "b" * 254]
)
def test_a_type_that_cannot_be_sent_in_a_header_is_invalid(tenant: Tenant, declared: str) -> None:
    answers = [
        tenant.studio.get("/api/upload/s3/params", params={"filename": "a.jpg", "type": declared}),
        tenant.studio.post("/api/upload/s3/multipart", json={"filename": "a.jpg", "type": declared}),
    ]

    link = {"url": "https://example.com/a.jpg", "filename": "a.jpg", "fileSize": 1, "mimeType": declared}
    registered = [
        tenant.studio.post("/api/v1/media", json=link | {"import": fetched}) for fetched in (False, True)
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(400, "invalid")] * 2
    assert [answer.status_code for answer in registered] == [400, 400], registered[0].text


@pytest.mark.parametrize(
    ("filename", "declared"), [("sony.mts", "model/vnd.mts"), ("page.html", "text/html"), ("photo.exe", "")]
)
def test_a_video_is_ready_by_each_way_of_upload_whatever_its_declared_type(
    tenant: Tenant, filename: str, declared: str
) -> None:
    film = videos.video("mpegts", seconds=0.4, width=32, height=32)
    posted = tenant.post_file(film, filename, declared)
    parts = begin(tenant, filename=filename, type=declared)
    parts.put(1, film)
    assert parts.complete().status_code == 200
    form = http().post(
        "/api/upload/multipart",
        headers=tenant.studio.credentials,
        data={"datasetId": tenant.collection_id.hex},
        files={"file": (filename, film, declared or "application/octet-stream")},
    )
    v1 = http().post(
        "/api/v1/media/upload",
        headers=tenant.studio.credentials,
        files={"files": (filename, film, declared or "x/y")},
    )
    assert (form.status_code, v1.status_code) == (200, 200), (form.text, v1.text)

    items = [
        posted,
        parts.media,
        form.json()["mediaId"],
        v1.json()["data"]["media"][0]["id"].replace("-", ""),
    ]
    assert [tenant.finished(item)["state"] for item in items] == ["ready"] * 4
    assert {tenant.studio.get(f"/api/media/{item}").json()["media"]["mimeType"] for item in items} == {
        "video/mp2t"
    }
    assert tenant.inconsistencies() == []


def test_a_version_of_any_declared_type_is_accepted(tenant: Tenant) -> None:
    item = tenant.ready(PHOTO)

    version = tenant.ready(pictures.png(40, 30, seed=1), "a.txt", "text/plain", sourceMediaId=item)

    assert tenant.studio.get(f"/api/media/{version}").json()["media"]["mimeType"] == "image/png"
    assert tenant.inconsistencies() == []


def test_content_of_another_type_is_rejected_with_a_reason(tenant: Tenant) -> None:
    media = tenant.post_file(b"<html>" * 20, "photo.jpg", "image/jpeg")
    other = tenant.post_file(b"\x7fELF" * 20, "a.out", "application/x-executable")

    for each in (media, other):
        answered = tenant.finished(each)
        assert (answered["state"], answered["reason"]) == (
            "rejected",
            "The file is not a picture or video of a type that is taken",
        )
        assert tenant.studio.get(f"/api/media/{each}").status_code == 404
    assert tenant.inconsistencies() == []
