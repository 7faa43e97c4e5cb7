"""on_video_stored: messages about videos may come twice, late, for a processed upload, or for a file that is
no video.
"""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
from PIL import Image

from functions.on_video_stored import handler
from tests.given import pictures, videos
from tests.given.protocol import begin
from tests.worker.test_on_upload_stored import recorded_rows
from vitrine import storage
from vitrine_imaging.decoder import Decoder
from vitrine_video import intake

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

EVENTS = Path(__file__).parents[2] / "events"
FILM = videos.video(seconds=4, sound=True, metadata={"creation_time": "2024-05-01T10:00:00Z"})


def deliver(*keys: str) -> list[str]:
    """Deliver the messages of these keys as SQS does. Return the ids of those that are to come back."""
    message = json.loads((EVENTS / "on_video_stored.json").read_text())["Records"][0]
    records = [
        message | {"messageId": str(n), "body": json.dumps({"key": key})} for n, key in enumerate(keys)
    ]
    context = SimpleNamespace(
        aws_request_id="test",
        function_name="on_video_stored",
        memory_limit_in_mb=3008,
        invoked_function_arn="arn:aws:lambda:x",
        get_remaining_time_in_millis=lambda: 60_000,
    )
    answer: dict[str, Any] = handler.handler({"Records": records}, context)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_both_apis_show_a_video_with_its_frames(tenant: Tenant) -> None:
    media = tenant.ready(FILM, "film.mp4", "video/mp4")

    shown = tenant.studio.get(f"/api/media/{media}").json()["media"]
    v1 = tenant.studio.get(f"/api/v1/media/{media}").json()["data"]
    assert {
        name: shown[name]
        for name in (
            "type",
            "mimeType",
            "width",
            "height",
            "duration",
            "sizeBytes",
            "takenAt",
            "sha256",
            "processing",
        )
    } == {
        "type": "video",
        "mimeType": "video/mp4",
        "width": 64,
        "height": 48,
        "duration": 4.0,
        "sizeBytes": len(FILM),
        "takenAt": "2024-05-01T10:00:00.000Z",
        "sha256": hashlib.sha256(FILM).hexdigest(),
        "processing": {"state": "ready", "reason": None},
    }
    assert shown["metadata"]["video"] == {"codec": "h264", "frameRate": 25.0}
    assert [
        (frame["timestamp"], frame["endTimestamp"], frame["width"], frame["height"])
        for frame in shown["frames"]
    ] == [
        ("0", "0.52", 64, 48),
        ("0.52", "1", 64, 48),
        ("1", "1.52", 64, 48),
        ("1.52", "2", 64, 48),
        ("2", "2.52", 64, 48),
        ("2.52", "3", 64, 48),
        ("3", "3.52", 64, 48),
        ("3.52", "4", 64, 48),
    ]
    frame, thumbnail = (
        Image.open(BytesIO(httpx.get(shown["frames"][3][name]).content)) for name in ("blob", "thumbnailBlob")
    )
    assert (frame.format, frame.size, thumbnail.format, thumbnail.size) == (
        "JPEG",
        (64, 48),
        "WEBP",
        (64, 48),
    )
    led = httpx.get(shown["blob"], follow_redirects=True)
    assert (led.headers["content-type"], led.content == FILM) == ("video/mp4", True)
    assert httpx.get(v1["url"], follow_redirects=True).content == FILM
    assert (v1["mimeType"], v1["fileSize"], v1["width"]) == ("video/mp4", len(FILM), 64)
    assert [each["id"] for each in tenant.studio.get("/api/v1/media?type=video").json()["data"]["data"]] == [
        v1["id"]
    ]
    assert tenant.inconsistencies(finished=True) == []


def test_the_link_of_a_video_that_browsers_cannot_show_leads_to_its_frame(tenant: Tenant) -> None:
    media = tenant.ready(videos.video("mov", seconds=0.4), "film.mov", "video/quicktime")

    blob = tenant.studio.get(f"/api/media/{media}").json()["media"]["blob"]
    assert httpx.get(blob, follow_redirects=True).headers["content-type"] == "image/jpeg"
    assert (
        httpx.get(blob, params={"original": "1"}, follow_redirects=True).headers["content-type"]
        == "video/quicktime"
    )


def test_every_way_of_upload_accepts_videos(tenant: Tenant) -> None:
    parts = begin(tenant, filename="a.webm", mime_type="video/webm")
    parts.complete(parts.put_all(videos.video("webm", seconds=1)))
    form = tenant.studio.post(
        "/api/v1/media/upload", files=[("files", ("b.mpg", videos.video("mpeg", seconds=1), "video/mpeg"))]
    )
    small = tenant.studio.post(
        "/api/upload/multipart",
        files={"file": ("c.mkv", videos.video("matroska", seconds=1), "video/x-matroska")},
        data={
            "datasetId": tenant.collection_id.hex,
        },
    )
    limits = tenant.studio.get("/api/v1/media/upload").json()["data"]

    assert (form.status_code, small.status_code) == (200, 200), (form.text, small.text)
    ids = [parts.media, form.json()["data"]["media"][0]["id"], small.json()["mediaId"]]
    assert [tenant.finished(media)["state"] for media in ids] == ["ready"] * 3
    assert [tenant.studio.get(f"/api/media/{media}").json()["media"]["mimeType"] for media in ids] == [
        "video/webm",
        "video/mpeg",
        "video/x-matroska",
    ]
    assert {"video/mp4", "video/mpeg", "video/quicktime", "video/webm"} <= set(limits["supportedTypes"])
    assert tenant.inconsistencies() == []


def test_a_file_that_is_no_video_has_a_reason_and_blocks_no_other(tenant: Tenant) -> None:
    photo = pictures.jpeg(64, 48)
    wrong = {
        "cut": FILM[: len(FILM) // 2],
        "sound": videos.sound_only(),
        "no size": videos.without_size(videos.video()),
        "playlist": b"#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:1/a.ts\n",
        "script": b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        "photo": photo,
        "another": FILM,
    }
    other: dict[str, Any] = {
        "checksum": {
            "algorithm": "SHA256",
            "value": base64.b64encode(hashlib.sha256(b"another").digest()).decode(),
        }
    }
    uploads = {
        name: begin(
            tenant, filename="film.mp4", mime_type="video/mp4", **(other if name == "another" else {})
        )
        for name in wrong
    }
    for name, upload in uploads.items():
        assert upload.complete(upload.put_all(wrong[name])).status_code == 200
    after = tenant.ready(FILM, "film.mp4", "video/mp4")

    answered = {
        name: (answer["state"], answer["reason"])
        for name, upload in uploads.items()
        for answer in [tenant.finished(upload.media)]
    }
    not_accepted = ("rejected", "The file is not a picture or video of a type that is taken")
    assert answered == {
        "cut": ("failed", "The file is damaged or cut short"),
        "sound": ("failed", "There is no video in the file"),
        "no size": ("failed", "The video says no size of its picture"),
        "playlist": not_accepted,
        "script": not_accepted,
        "photo": ("ready", None),
        "another": ("rejected", "The bytes do not have the SHA-256 that was declared"),
    }
    corrected = tenant.studio.get(f"/api/media/{uploads['photo'].media}").json()["media"]
    assert (corrected["type"], corrected["mimeType"], len(corrected["frames"])) == ("image", "image/jpeg", 1)
    assert tenant.studio.get(f"/api/media/{after}").json()["media"]["type"] == "video"
    assert tenant.inconsistencies() == []


def test_concurrent_late_and_unknown_messages_have_the_effect_of_one(
    tenant: Tenant, stranger: Tenant
) -> None:
    stranger.ready(FILM, "film.mp4", "video/mp4")
    upload = begin(tenant, filename="film.mp4", mime_type="video/mp4")
    photo = begin(tenant, filename="photo.jpg")
    early = deliver(upload.answer["key"], "originals/nobody")
    upload.complete(upload.put_all(FILM))

    with ThreadPoolExecutor(3) as pool:
        thrice = list(pool.map(deliver, [upload.answer["key"]] * 3))
    assert tenant.finished(upload.media)["state"] == "ready"
    late = deliver(upload.answer["key"])
    of_stranger = recorded_rows(stranger)
    assert (early, thrice, late) == ([], [[]] * 3, [])
    assert [line for line in recorded_rows(tenant) if "created" not in line] == of_stranger
    photo.complete(photo.put_all(pictures.jpeg(64, 48)))
    assert deliver(photo.answer["key"]) == []
    assert tenant.finished(photo.media)["state"] == "ready"
    assert tenant.inconsistencies() == []


def test_a_video_is_read_by_ranges_and_a_changed_one_is_not_read() -> None:
    data = videos.padded(FILM, 4 << 20)
    stored = storage.put("derived/a-video", data, "video/mp4")
    pieces = intake.Pieces(stored, most_bytes=1 << 20)

    with (
        Decoder(module="vitrine_video.child") as decoder,
        intake.frames(stored, "video/mp4", decoder) as decoding,
    ):
        assert len(decoding.result().frames) == 8
    assert pieces(len(data) - 10, 10) == data[-10:]
    assert [
        rejected(pieces, offset, size) for offset, size in ((0, 0), (-1, 5), (len(data), 1), (0, 1 << 20))
    ] == [True] * 4
    changed = storage.put("derived/a-video", FILM, "video/mp4")
    assert rejected(pieces, 0, 10, storage.ConditionFailed)
    storage.delete(changed.key, changed.etag)


def rejected(pieces: intake.Pieces, offset: int, size: int, kind: type[Exception] = ValueError) -> bool:
    try:
        pieces(offset, size)
    except kind:
        return True
    return False
