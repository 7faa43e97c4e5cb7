"""on_upload_stored: events may come twice, late, early and in any order, and have an effect once."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import secrets
import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote_plus, urlsplit

import httpx
import pytest

from functions.on_upload_stored import handler
from tests.given import pictures, stills, tiffs
from tests.given.protocol import MIB, begin
from vitrine import aws, content, storage
from vitrine.db import Statement, read
from vitrine.errors import ServiceUnavailable
from vitrine.models.people import Consumer
from vitrine.settings import settings
from vitrine_imaging import intake

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.given.protocol import Multipart
    from tests.given.tenants import Tenant

EVENTS = Path(__file__).parents[2] / "events"
PHOTOS = [pictures.jpeg(200, 100 + n, seed=n) for n in range(4)]


def deliver(*keys: str) -> list[str]:
    """Deliver the events of these keys as SQS does. Return the ids of the messages that are to come back."""
    message = json.loads((EVENTS / "on_upload_stored.json").read_text())["Records"][0]
    records = []
    for n, key in enumerate(keys):
        notification = json.loads(message["body"])
        notification["Records"][0]["s3"]["object"]["key"] = quote_plus(key, safe="/")
        records.append(message | {"messageId": str(n), "body": json.dumps(notification)})
    context = SimpleNamespace(
        aws_request_id="test",
        function_name="on_upload_stored",
        memory_limit_in_mb=2048,
        invoked_function_arn="arn:aws:lambda:x",
        get_remaining_time_in_millis=lambda: 60_000,
    )
    answer: dict[str, Any] = handler.handler({"Records": records}, context)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@dataclass(frozen=True)
class Line:
    line: str


def recorded_rows(tenant: Tenant) -> list[str]:
    """Return the organization's items, frames, ledger, counts and uploads as lines, without ids and times."""
    statement = Statement(
        """
        select 'media ' || concat_ws(' ', name, type, status, processing, width, height, size_bytes,
                                     encode(sha256, 'hex'), row_version) as line
          from media where organization_id = %(organization)s
        union all
        select 'frame ' || concat_ws(' ', ordinal, width, height, thumbnail_width, thumbnail_height)
          from frames where organization_id = %(organization)s
        union all
        select 'ledger ' || concat_ws(' ', delta_bytes, delta_count, kind, state, reason)
          from storage_ledger where organization_id = %(organization)s
        union all
        select 'counts ' || concat_ws(' ', type, sum(n)) from (
          select type, delta as n from count_ledger where organization_id = %(organization)s and not folded
          union all
          select type, items from counts where organization_id = %(organization)s) as each group by type
        union all
        select 'upload ' || concat_ws(' ', state, reason)
          from uploads where organization_id = %(organization)s
         order by line
        """,
        Line,
        organization=tenant.id,
    )
    return [row.line for row in read(Consumer(tenant.id), statement)]


def landed(tenant: Tenant) -> list[Multipart]:
    """Create uploads whose parts are in the store."""
    uploads = [begin(tenant, filename=f"{n}.jpg") for n in range(len(PHOTOS))]
    for upload, photo in zip(uploads, PHOTOS, strict=True):
        upload.put_all(photo)
    return uploads


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 5))])
def test_events_that_come_three_times_in_any_order_and_early_have_the_effect_of_one(
    tenant: Tenant, stranger: Tenant, seed: int
) -> None:
    for upload in landed(stranger):
        assert upload.complete().status_code == 200
        assert stranger.finished(upload.media)["state"] == "ready"
    uploads = landed(tenant)
    keys = [upload.answer["key"] for upload in uploads]

    # The store completes, and the call that requested it dies: the events come first.
    for upload in uploads[:2]:
        part = upload.parts().json()[0]
        storage.complete(
            upload.answer["key"], store_id(tenant, upload), [(1, part["ETag"])], size=None, checksum=None
        )
    deliveries = [*keys[2:], *keys, *keys, *keys]  # the first two: events of objects that do not exist yet
    random.Random(seed).shuffle(deliveries)
    with ThreadPoolExecutor(3) as pool:
        returned = list(pool.map(deliver, deliveries))
    for upload in uploads:
        assert upload.complete().status_code == 200
    for upload in uploads:
        assert tenant.finished(upload.media)["state"] == "ready"
    assert deliver(*keys, *keys) == []  # late

    assert all(not failures or len(failures) == 1 for failures in returned)
    assert recorded_rows(tenant) == recorded_rows(stranger)
    assert tenant.inconsistencies() == []


def store_id(tenant: Tenant, upload: Multipart) -> str:
    found = [each.upload_id for each in storage.list_multiparts() if each.key == upload.answer["key"]]
    return found[0]


def test_an_object_of_no_upload_is_left_alone_and_blocks_no_other(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.complete(upload.put_all(PHOTOS[0]))

    assert deliver("originals/nobody", upload.answer["key"], "incoming/nobody", "strange key+%") == []
    assert tenant.finished(upload.media)["state"] == "ready"


def test_an_event_after_the_item_was_deleted_counts_in_the_trash(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.put_all(PHOTOS[0])
    upload.complete()
    tenant.finished(upload.media)
    assert tenant.studio.delete(f"/api/media/{upload.media}").status_code == 200

    assert deliver(upload.answer["key"]) == []

    assert tenant.inconsistencies() == []
    usage = tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage").json()
    assert (usage["counts"]["active"], usage["counts"]["trash"]) == (0, 1)


def test_a_wrong_sha256_is_reported_before_a_decoding_error(tenant: Tenant) -> None:
    broken = PHOTOS[0][: len(PHOTOS[0]) // 2]
    uploads = []
    for declared in (b"another", broken):
        value = base64.b64encode(hashlib.sha256(declared).digest()).decode()
        uploads.append(begin(tenant, checksum={"algorithm": "SHA256", "value": value}))
        uploads[-1].complete(uploads[-1].put_all(broken))

    answered = [tenant.finished(upload.media) for upload in uploads]

    assert [(each["state"], each["reason"]) for each in answered] == [
        ("rejected", "The bytes do not have the SHA-256 that was declared"),
        ("failed", "The file is cut short"),
    ]
    assert tenant.inconsistencies() == []


def test_every_kind_of_picture_is_processed_by_its_content(tenant: Tenant) -> None:
    """Names and declared types do not matter. The link of one that no browser shows leads to its frame."""
    avif, heic, tiff = (stills.turned(kind, 6) for kind in ("AVIF", "HEIC", "TIFF"))
    raw = tiffs.raws(tiffs.preview(64, 40), tiffs.preview(16, 10))["image/x-adobe-dng"]
    items = {
        "avif": tenant.post_file(avif, "a.avif", "image/avif"),
        "heic": tenant.post_file(heic, "IMG_0001.HEIC", ""),
        "tiff": tenant.post_file(tiff, "scan.tif", "image/x-tiff"),
        "a JPEG that is a PNG": tenant.post_file(pictures.png(64, 40), "a.jpg", "image/jpeg"),
        "a PNG that is a WebP": tenant.post_file(pictures.webp(64, 40), "a.png", "image/png"),
        "a JPEG that is a sound": tenant.post_file(b"\0\0\0\x10ftypM4A \0\0\0\0", "a.jpg", "image/jpeg"),
        "a JPEG that is a PDF": tenant.post_file(b"%PDF-1.7\n", "a.jpg", "image/jpeg"),
        "raw": tenant.post_file(raw, "IMG_1.dng", "image/tiff"),
        "raw that is not read": tenant.post_file(
            b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "IMG_2.cr3", "image/jpeg"
        ),
        "half a HEIC": tenant.post_file(pictures.truncated(heic), "a.heic", "image/heic"),
    }

    answered = {
        name: (upload["state"], upload["reason"])
        for name, item in items.items()
        if (upload := tenant.finished(item))
    }

    ready = ("ready", None)
    assert answered == {
        **dict.fromkeys(
            ("avif", "heic", "tiff", "raw", "a JPEG that is a PNG", "a PNG that is a WebP"), ready
        ),
        "raw that is not read": ("rejected", "Files of type image/x-canon-cr3 (camera raw) are not taken"),
        "a JPEG that is a sound": ("rejected", "Files of type audio/mp4 are not taken"),
        "a JPEG that is a PDF": ("rejected", "Files of type application/pdf are not taken"),
        "half a HEIC": ("failed", "The file is damaged or cut short"),
    }
    shown = {
        name: tenant.studio.get(f"/api/media/{items[name]}").json()["media"]
        for name in answered
        if answered[name] == ready
    }
    assert {
        name: (each["mimeType"], each["width"], each["height"], len(each["frames"]))
        for name, each in shown.items()
    } == {
        "avif": ("image/avif", 64, 40, 1),
        "heic": ("image/heic", 64, 40, 1),
        "tiff": ("image/tiff", 64, 40, 1),
        "raw": ("image/x-adobe-dng", 64, 40, 1),
        "a JPEG that is a PNG": ("image/png", 64, 40, 1),
        "a PNG that is a WebP": ("image/webp", 64, 40, 1),
    }
    for name, original, mime_type in (
        ("heic", heic, "image/heic"),
        ("tiff", tiff, "image/tiff"),
        ("raw", raw, "image/x-adobe-dng"),
    ):
        led, asked = (
            httpx.get(shown[name]["blob"] + query, follow_redirects=True) for query in ("", "?original=1")
        )
        frame = content.sniff(led.content)
        assert frame is not None
        assert (led.headers["content-type"], frame.width, frame.height) == ("image/jpeg", 64, 40)
        assert (asked.content == original, asked.headers["content-type"]) == (True, mime_type)
        assert asked.headers["content-disposition"].startswith("attachment; ")
    assert httpx.get(shown["avif"]["blob"], follow_redirects=True).content == avif
    assert tenant.inconsistencies() == []


def test_decoding_begins_before_the_object_is_read(
    another_environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    photo = PHOTOS[0]
    scan = photo.index(b"\xff\xda")
    # 43 MiB of comments before the first pixel
    late = photo[:scan] + (b"\xff\xfe\xff\xff" + bytes(0xFFFD)) * 680 + photo[scan:]
    background_read = BackgroundRead(
        another_environment, tmp_path / "late", late, "image/jpeg", MAX_PIXELS="100000"
    )

    with delayed(after=38 * MIB) as (url, go), background_read.begun(url) as read_in:
        # The beginning was decoded, and was not enough.
        background_read.wait_for(lambda: any(seen >= 32 * MIB for seen in decoders("io").values()))
        go.set()
        sha256, width = read_in.result(20)

    assert (sha256, width) == (hashlib.sha256(late).digest(), 200)
    assert background_read.file.read_bytes() == late


def test_decoding_ends_when_reading_fails(another_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bomb = pictures.bomb_png(16_000)  # more than a second of decoding
    sent = bomb + bytes(12 * MIB)
    background_read = BackgroundRead(
        another_environment,
        tmp_path / "bomb",
        sent,
        "image/png",
        MAX_PIXELS=str(10**9),
        DECODE_MAX_BYTES=str(len(bomb)),
    )

    with delayed(after=8 * MIB, cut=True) as (url, go), background_read.begun(url) as read_in:
        # The child starts within some 20 hundredths.
        background_read.wait_for(lambda: any(ticks > 40 for ticks in decoders("stat").values()))
        busy = set(decoders("stat"))
        go.set()
        with pytest.raises(ServiceUnavailable):
            read_in.result(20)
        assert not busy & set(decoders("stat"))

    assert background_read.file.read_bytes() == bomb  # and nothing more was written


class BackgroundRead:
    """An object in the store, which a thread reads and decodes into `file` with settings of its own."""

    def __init__(
        self, environment: pytest.MonkeyPatch, file: Path, original: bytes, mime_type: str, **values: str
    ) -> None:
        self.file = file
        self._environment, self._values, self._mime_type = environment, values, mime_type
        self._stored = storage.put(f"derived/{secrets.token_hex(8)}", original, mime_type)

    @contextmanager
    def begun(self, url: str) -> Generator[Future[tuple[bytes | None, int]]]:
        for name, value in (self._values | {"AWS_ENDPOINT_URL_S3": url}).items():
            self._environment.setenv(name, value)
        settings.cache_clear()
        aws.s3.cache_clear()
        with ThreadPoolExecutor(1) as beside:
            self._reading = beside.submit(self._read)
            yield self._reading
        self._environment.undo()
        settings.cache_clear()
        aws.s3.cache_clear()
        storage.delete(self._stored.key, self._stored.etag)

    def _read(self) -> tuple[bytes | None, int]:
        with ExitStack() as meanwhile:
            sha256, derived = intake.read_and_decode(self._stored, self._mime_type, self.file, meanwhile)
            return sha256, derived().width

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition is true. Fails when the read ends first."""
        while not condition():
            assert not self._reading.done(), self._reading.result()


def decoders(kind: Literal["stat", "io"]) -> dict[int, int]:
    """Return the decoder's children of this process, with their processor time in hundredths of a second, or
    the bytes that they have read.
    """
    found = dict[int, int]()
    for folder in (folder for folder in Path("/proc").iterdir() if folder.name.isdigit()):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if (
                int(fields[1]) == os.getpid()
                and b"vitrine_imaging.child" in (folder / "cmdline").read_bytes()
            ):
                read_in = int((folder / "io").read_text().split()[1])
                found[int(folder.name)] = read_in if kind == "io" else int(fields[11]) + int(fields[12])
    return found


@contextmanager
def delayed(*, after: int, cut: bool = False) -> Generator[tuple[str, threading.Event]]:
    """Forward one request to the store, and stop its response after so many bytes, until the event is set;
    then continue, or close the connection (`cut`).
    """
    store = urlsplit(settings().aws_endpoint_url_s3 or "")
    go = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def forward() -> None:
            client, _ = listener.accept()
            with client, socket.create_connection((store.hostname, store.port)) as server:
                # the request
                server.sendall(client.recv(1 << 16).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                left = after
                while piece := server.recv(min(left, 1 << 16) if left > 0 else 1 << 16):
                    client.sendall(piece)
                    left -= len(piece)
                    if left == 0:
                        go.wait(60)
                        if cut:
                            return

        way = threading.Thread(target=forward)
        way.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", go
        finally:
            go.set()
            way.join()
