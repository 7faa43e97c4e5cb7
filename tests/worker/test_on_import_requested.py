"""on_import_requested: the file at a URL is fetched once and stored as the item's original, or the item has a
reason why not.
"""

from __future__ import annotations

import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

import httpx
import pytest

from tests.given import pictures, videos, web
from tests.given.isolation_cases import owner
from tests.uploads.test_fetch import names, open_to_tests
from vitrine import storage
from vitrine.credentials import mint_id
from vitrine.db import read, write
from vitrine.errors import ServiceUnavailable, TooLarge
from vitrine.library import imports, sweep
from vitrine.queries import externals, uploads

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.given.tenants import Tenant
    from vitrine.models.people import Caller
    from vitrine.models.uploads import Upload

PHOTO = pictures.jpeg(320, 240, seed=51)
KNOWN = names({"pictures.test": [web.ADDRESS]})
LIMIT = 300_000  # bytes of a file, here


@pytest.fixture
def server(another_environment: pytest.MonkeyPatch) -> Iterator[web.Web]:
    """A web server that counts as public in this process. The process sends no messages, so the tests fetch
    the imports themselves.
    """
    for name, value in (
        ("IMPORT_REQUESTED_QUEUE_URL", ""),
        ("IMPORT_MAX_BYTES", str(LIMIT)),
        ("IMPORT_SECONDS", "1"),
    ):
        another_environment.setenv(name, value)
    open_to_tests(another_environment)
    with web.web() as serving:
        serving.pages["/photo.jpg"] = web.response(PHOTO)
        yield serving


def asked(tenant: Tenant, url: str, mime_type: str = "image/jpeg", size: int = 1000) -> str:
    """Create an import and return its item."""
    link = imports.NewLink(url, "photo.jpg", size, mime_type, width=7, height=7, alt="A photo")
    return imports.register(tenant.owner, link, to_be_fetched=True, resolve=names({})).id.hex


def upload_of(tenant: Tenant, media: str) -> Upload:
    return read(tenant.owner, uploads.by_version(tenant.id, UUID(media)))[0]


FETCHED = {"stored", "processing", "ready"}  # the store's event may have come by the time of the check


def fetch(tenant: Tenant, media: str) -> Upload | None:
    return imports.fetch_import(upload_of(tenant, media).key, resolve=KNOWN)


def shown(tenant: Tenant, media: str) -> dict[str, Any]:
    found: dict[str, Any] = tenant.studio.get(f"/api/v1/media/{media}").json()["data"]
    return found


def photo(server: web.Web) -> str:
    return f"http://pictures.test:{server.port}/photo.jpg"


def stored_bytes(tenant: Tenant) -> int:
    with owner() as connection:
        row = connection.execute(
            "select sum(delta_bytes) as n from storage_ledger where organization_id = %s", [tenant.id]
        ).fetchone()
    return int(row["n"] or 0) if row else 0


def test_the_file_at_a_url_is_stored_as_the_items_original(tenant: Tenant, server: web.Web) -> None:
    server.pages["/old"] = web.redirect("/photo.jpg")
    url = f"http://pictures.test:{server.port}/old"
    media = asked(tenant, url, mime_type="video/mp4")
    before = shown(tenant, media)
    led = httpx.get(before["url"]).headers["location"]
    assert tenant.inconsistencies() == []

    first, again = fetch(tenant, media), fetch(tenant, media)
    finished = tenant.finished(media)

    assert (before["processing"], before["mimeType"], led) == (
        {"state": "pending", "reason": None},
        "video/mp4",
        url,
    )
    assert first is not None
    assert again is not None
    assert {first.state, again.state} <= FETCHED
    assert finished["state"] == "ready"
    assert server.asked == [(path, f"pictures.test:{server.port}") for path in ("/old", "/photo.jpg")]
    after = shown(tenant, media)
    assert {name: after[name] for name in after if after[name] != before[name]} == {
        "mimeType": "image/jpeg",
        "fileSize": len(PHOTO),
        "width": 320,
        "height": 240,
        "processing": {"state": "ready", "reason": None},
        "updatedAt": after["updatedAt"],
    }
    assert httpx.get(after["url"], follow_redirects=True).content == PHOTO
    assert tenant.studio.get("/api/v1/media?type=video").json()["data"]["total"] == 0
    assert tenant.studio.get("/api/v1/media?type=image").json()["data"]["total"] == 1
    assert len(tenant.studio.get(f"/api/media/{media}").json()["media"]["frames"]) == 1
    assert tenant.inconsistencies(finished=True) == []


def test_a_video_is_fetched_like_a_picture(tenant: Tenant, server: web.Web) -> None:
    film = videos.video(seconds=1)
    server.pages["/film.mp4"] = web.response(film, "content-type: application/octet-stream")
    media = asked(tenant, f"http://pictures.test:{server.port}/film.mp4")

    fetch(tenant, media)

    assert tenant.finished(media)["state"] == "ready"
    after = shown(tenant, media)
    assert (after["mimeType"], after["fileSize"], after["width"]) == ("video/mp4", len(film), 64)
    assert tenant.inconsistencies() == []


def endless(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + PHOTO.ljust(65536, b"\0")[:65536] + b"\r\n")


def dripping(first: bytes) -> web.Behaviour:
    def drip(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(first)
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.05)

    return drip


def test_a_file_that_cannot_be_fetched_has_failed_with_a_reason(tenant: Tenant, server: web.Web) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    too_large, too_long, broke_off = (
        f"The file has more than {LIMIT} bytes, the limit",
        "It took too long",
        "The address broke off its answer",
    )
    cases: dict[str, tuple[web.Behaviour, str]] = {
        "/missing": (web.response(status=404), "The address answered 404"),
        "/private": (web.redirect("http://127.0.0.1/"), "127.0.0.1 is not a public address"),
        "/metadata": (
            web.redirect("http://169.254.169.254/latest/meta-data/"),
            "169.254.169.254 is not a public address",
        ),
        "/mapped": (web.redirect("http://[::ffff:127.0.0.1]/"), "::ffff:7f00:1 is not a public address"),
        "/named": (web.redirect("http://nobody.test/"), "nobody.test has no address"),
        "/file": (web.redirect("file:///etc/passwd"), "The URL is not one of http or https"),
        "/round": (web.redirect("/round"), "The address leads on and on: more than 5 redirects"),
        "/endless": (endless, too_large),
        "/claims-more": (web.response(PHOTO, length=10**15), too_large),
        "/claims-a-bit-more": (web.response(PHOTO, length=len(PHOTO) + 1), broke_off),
        "/slow": (dripping(b"HTTP/1.1 200 -\r\n\r\n" + PHOTO), too_long),
        "/slow-head": (dripping(b"HTTP/1.1 200 -\r\nx-"), too_long),
        "/page": (
            web.response(b"<html>A page</html>", "content-type: image/jpeg"),
            "The file is not a picture or video of a type that is taken",
        ),
        "/pdf": (web.response(b"%PDF-1.7\n"), "Files of type application/pdf are not taken"),
        "/bomb": (
            web.response(bomb, "content-encoding: gzip"),
            "The address answered with a packed file, though it was asked for a plain one",
        ),
        "/empty": (web.response(b""), "The file is empty"),
        "/nothing": (lambda _: None, broke_off),
        "/nonsense": (lambda connection: connection.sendall(b"\0" * 100), broke_off),
        "/chunks": (
            lambda c: c.sendall(b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
            broke_off,
        ),
    }
    server.pages |= {path: behaviour for path, (behaviour, _) in cases.items()}
    wanted = {f"http://pictures.test:{server.port}{path}": reason for path, (_, reason) in cases.items()} | {
        "http://pictures.test:1/": "pictures.test does not answer, or not as itself",
        "http://nobody.test/": "nobody.test has no address",
    }
    items = {url: asked(tenant, url) for url in wanted}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda media: fetch(tenant, media), items.values()))

    listed = {
        each["id"].replace("-", ""): each
        for each in tenant.studio.get("/api/v1/media?limit=100").json()["data"]["data"]
    }
    assert {url: listed[media]["processing"] for url, media in items.items()} == {
        url: {"state": "failed", "reason": reason} for url, reason in wanted.items()
    }
    polled = tenant.studio.get(f"/api/upload/{items['http://nobody.test/']}").json()
    assert (polled["state"], polled["reason"]) == ("failed", "nobody.test has no address")
    assert {(each["fileSize"], each["width"]) for each in listed.values()} == {(1000, 7)}
    assert (stored_bytes(tenant), tenant.inconsistencies(finished=True)) == (0, [])


def test_a_name_is_resolved_once_and_the_checked_address_is_connected_to(
    tenant: Tenant, server: web.Web
) -> None:
    asking: list[str] = []

    def changing(name: str, _: int) -> list[str]:
        asking.append(name)
        return [web.ADDRESS] if len(asking) == 1 else ["127.0.0.1"]

    media, led_on = asked(tenant, photo(server)), asked(tenant, f"http://pictures.test:{server.port}/again")
    server.pages["/again"] = web.redirect("/photo.jpg")
    imports.fetch_import(upload_of(tenant, media).key, resolve=changing)
    asking.clear()
    imports.fetch_import(upload_of(tenant, led_on).key, resolve=changing)  # the redirect is checked again

    assert tenant.finished(media)["state"] == "ready"
    assert asking == ["pictures.test", "pictures.test"]
    assert shown(tenant, led_on)["processing"] == {
        "state": "failed",
        "reason": "pictures.test is not a public address",
    }
    assert [path for path, _ in server.asked] == ["/photo.jpg", "/again"]


def test_one_of_two_concurrent_deliveries_fetches(tenant: Tenant, server: web.Web) -> None:
    media = asked(tenant, photo(server))

    def deliver(_: int) -> str:
        try:
            found = fetch(tenant, media)
        except ServiceUnavailable:
            return "busy"
        return "done" if found else "nobody's"

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(deliver, range(4)))

    assert answers <= {"busy", "done"}
    assert tenant.finished(media)["state"] == "ready"
    assert len(server.asked) == 1
    assert (imports.fetch_import("originals/of/nobody"), tenant.inconsistencies(finished=True)) == (None, [])


def test_the_next_call_replaces_one_that_died(tenant: Tenant, server: web.Web) -> None:
    before_the_end, after_it = (
        upload_of(tenant, asked(tenant, photo(server))),
        upload_of(tenant, asked(tenant, photo(server))),
    )
    for upload in (before_the_end, after_it):
        lease = mint_id()
        assert write(tenant.owner, uploads.lease(tenant.id, upload.id, "import", lease, 600))
        into = storage.create_multipart(upload.key, checksum_kind="CRC64NVME")
        assert write(tenant.owner, externals.set_target(tenant.id, upload.id, lease, into, "image/jpeg"))
        part = storage.put_part(upload.key, into, 1, PHOTO)
        if upload is after_it:
            storage.complete(upload.key, into, [(1, part)], size=len(PHOTO), checksum=None)
    with owner() as connection:
        connection.execute(
            "update uploads set lease_until = now() where organization_id = %s and state = 'completing'",
            [tenant.id],
        )

    for upload in (before_the_end, after_it):
        imports.fetch_import(upload.key, resolve=KNOWN)

    assert {tenant.finished(upload.media_id.hex)["state"] for upload in (before_the_end, after_it)} == {
        "ready"
    }
    assert len(server.asked) == 1
    assert tenant.inconsistencies(finished=True) == []


def test_an_item_in_the_trash_is_fetched_and_a_purged_one_is_not(tenant: Tenant, server: web.Web) -> None:
    trashed, gone = asked(tenant, photo(server)), asked(tenant, photo(server))
    for media in (trashed, gone):
        assert tenant.studio.delete(f"/api/v1/media/{media}").status_code == 200
    with owner() as connection:  # as a purge leaves it
        connection.execute("update deletions set state = 'purged' where root_id = %s", [UUID(gone)])
        connection.execute("delete from media where id = %s", [UUID(gone)])

    fetched = [fetch(tenant, media) for media in (trashed, gone)]

    assert [each is not None and each.state in FETCHED for each in fetched] == [True, False]
    assert tenant.studio.get(f"/api/upload/{gone}").json()["state"] == "rejected"
    assert (
        tenant.studio.get(f"/api/upload/{gone}").json()["reason"]
        == "The item was deleted before its file was fetched"
    )
    assert tenant.finished(trashed)["state"] == "ready"
    assert tenant.inconsistencies(finished=True) == []
    assert tenant.studio.post(f"/api/v1/media/{trashed}/restore").status_code == 200
    assert (
        shown(tenant, trashed)["processing"]["state"],
        len(server.asked),
        tenant.inconsistencies(finished=True),
    ) == ("ready", 1, [])


def test_an_import_that_is_not_fetched_in_time_has_failed(tenant: Tenant, server: web.Web) -> None:
    upload = upload_of(tenant, asked(tenant, photo(server)))
    just_before = UUID(int=upload.id.int - 1).hex

    batch = sweep.end_lapsed(datetime.now(UTC) + timedelta(days=1, minutes=1), just_before, 1, dry_run=False)

    assert [(each.deed, each.item) for each in batch.done] == [("expired", upload.id.hex)]
    assert shown(tenant, upload.media_id.hex)["processing"] == {
        "state": "failed",
        "reason": "It was not fetched in time",
    }
    assert fetch(tenant, upload.media_id.hex) is not None
    assert (server.asked, tenant.inconsistencies(finished=True)) == ([], [])


def test_an_import_that_exceeds_limit_or_quota_is_rejected(tenant: Tenant, server: web.Web) -> None:
    with owner() as connection:
        connection.execute("update organizations set quota_bytes = 1500 where id = %s", [tenant.id])
    asked(tenant, photo(server))

    with pytest.raises(TooLarge) as over_quota:
        asked(tenant, photo(server))
    with pytest.raises(TooLarge) as over_limit:
        asked(tenant, photo(server), size=LIMIT + 1)

    assert (over_quota.value.code, over_limit.value.sentence) == (
        "quota_exceeded",
        f"The file has {LIMIT + 1} bytes; the limit is {LIMIT}",
    )
    assert (
        tenant.studio.get("/api/v1/media").json()["data"]["total"],
        tenant.inconsistencies(finished=True),
    ) == (
        1,
        [],
    )


LOST: dict[str, LiteralString] = {
    "removed": "delete from memberships where user_id = %s",
    "made a viewer": "update memberships set role = 'viewer' where user_id = %s",
}


def asked_by(tenant: Tenant, editor: Caller, url: str) -> str:
    return imports.register(
        editor, imports.NewLink(url, "photo.jpg", 1000, "image/jpeg"), to_be_fetched=True, resolve=names({})
    ).id.hex


@pytest.mark.parametrize("how", LOST)
def test_nothing_is_fetched_after_the_uploaders_rights_ended(
    tenant: Tenant, server: web.Web, how: str
) -> None:
    editor = tenant.caller("editor")
    media = asked_by(tenant, editor, photo(server))
    with owner() as connection:
        connection.execute(LOST[how], [editor.user_id])

    upload = fetch(tenant, media)

    assert upload is not None
    assert (upload.state, upload.reason, server.asked) == ("rejected", "The uploader's rights have ended", [])
    assert tenant.studio.get(f"/api/media/{media}").status_code == 404
    assert tenant.studio.get(f"/api/upload/{media}").json()["reason"] == upload.reason
    assert (tenant.studio.get("/api/v1/media").json()["data"]["total"], stored_bytes(tenant)) == (0, 0)
    assert tenant.inconsistencies(finished=True) == []


def test_a_file_whose_uploaders_rights_ended_during_the_fetch_is_not_kept(
    tenant: Tenant, server: web.Web
) -> None:
    editor = tenant.caller("editor")

    def removed_meanwhile(connection: socket.socket) -> None:
        with owner() as database:
            database.execute(LOST["removed"], [editor.user_id])
        web.response(PHOTO)(connection)

    server.pages["/photo.jpg"] = removed_meanwhile
    media = asked_by(tenant, editor, photo(server))

    upload = fetch(tenant, media)

    assert upload is not None
    assert (upload.state, len(server.asked), storage.head(upload.key)) == ("rejected", 1, None)
    assert (tenant.studio.get("/api/v1/media").json()["data"]["total"], stored_bytes(tenant)) == (0, 0)
    assert tenant.inconsistencies(finished=True) == []


def test_an_import_of_a_removed_member_fails_when_its_item_has_other_versions(
    tenant: Tenant, server: web.Web
) -> None:
    editor = tenant.caller("editor")
    media = asked_by(tenant, editor, photo(server))
    version = tenant.ready(PHOTO, sourceMediaId=media)
    with owner() as connection:
        connection.execute(LOST["removed"], [editor.user_id])

    upload = fetch(tenant, media)

    assert upload is not None
    assert upload.state == "rejected"
    assert [each["id"] for each in tenant.studio.get(f"/api/media/{media}/versions").json()["versions"]] == [
        version
    ]
    assert tenant.inconsistencies(finished=True) == []
