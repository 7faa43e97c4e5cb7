"""GET /f/{mediaId}/{token}"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from functions.follow_link.handler import handler
from tests.given import pictures
from tests.given.isolation_cases import owner
from tests.given.loops import invoke
from tests.given.names import VALID_NAMES
from tests.given.protocol import begin
from tests.given.shapes import hyphened
from tests.given.tenants import http
from tools.routes import ROOT

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(900, 600, seed=61)


def link(tenant: Tenant, photo: str) -> str:
    found: str = tenant.studio.get(f"/api/media/{photo}").json()["media"]["blob"]
    return found


def followed(url: str) -> httpx.Response:
    """The response at the end of the redirect, requested without credentials."""
    first = http().get(url)
    assert first.status_code == 302, first.text
    return http().get(first.headers["location"])


def test_a_permanent_link_redirects_anyone_to_the_file(tenant: Tenant) -> None:
    answer = http().get(link(tenant, tenant.ready(PHOTO)))

    assert (answer.status_code, answer.content) == (302, b"")
    assert answer.headers["cache-control"] == "private, max-age=300"  # the URL is valid for an hour
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "X-Amz-Expires=3600" in answer.headers["location"]
    # files are served from another origin
    assert urlsplit(answer.headers["location"]).netloc != urlsplit(str(answer.url)).netloc
    led = http().get(answer.headers["location"])
    assert (led.status_code, led.content == PHOTO) == (200, True)
    assert led.headers["content-type"] == "image/jpeg"
    assert led.headers["content-disposition"] == "inline; filename=\"photo.jpg\"; filename*=UTF-8''photo.jpg"


@pytest.mark.parametrize(
    ("query", "mime_type", "is_original"),
    [
        ("", "image/jpeg", True),
        ("?original=1", "image/jpeg", True),
        ("?original=0", "image/jpeg", True),
        ("?size=thumbnail", "image/webp", False),
        ("?size=frame", "image/jpeg", False),
        ("?size=", "image/jpeg", True),
    ],
)
@pytest.mark.sampled(2)
def test_a_size_can_be_requested(tenant: Tenant, query: str, mime_type: str, is_original: bool) -> None:
    led = followed(link(tenant, tenant.ready(PHOTO)) + query)

    assert (led.status_code, led.headers["content-type"], led.content == PHOTO) == (
        200,
        mime_type,
        is_original,
    )


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?download=1", "photo.jpg"),
        ("?download=1&size=thumbnail", "photo.webp"),
        ("?download=1&size=frame", "photo.jpg"),
    ],
)
def test_a_download_is_saved_under_its_name(tenant: Tenant, query: str, named: str) -> None:
    led = followed(link(tenant, tenant.ready(PHOTO)) + query)

    assert led.headers["content-disposition"] == f"attachment; filename=\"{named}\"; filename*=UTF-8''{named}"


def test_a_type_that_browsers_cannot_show_redirects_to_its_frame_unless_the_original_is_requested(
    tenant: Tenant,
) -> None:
    url = link(tenant, tenant.ready(PHOTO))
    with owner() as connection:
        connection.execute(
            "update media set mime_type = 'image/tiff' where id = %s", [urlsplit(url).path.split("/")[2]]
        )

    frame, original, saved = (followed(url + query) for query in ("", "?original=1", "?download=1"))

    assert (frame.headers["content-type"], frame.content == PHOTO) == ("image/jpeg", False)
    assert (original.headers["content-type"], original.content == PHOTO) == ("image/tiff", True)
    assert original.headers["content-disposition"].startswith("attachment; ")
    assert (saved.content == PHOTO, saved.headers["content-disposition"].startswith("attachment; ")) == (
        True,
        True,
    )


@pytest.mark.parametrize("name", VALID_NAMES.values(), ids=VALID_NAMES)
@pytest.mark.sampled(3)
def test_any_name_can_be_downloaded(tenant: Tenant, name: str) -> None:
    photo = tenant.ready(pictures.jpeg(40, 30, seed=2), "a.jpg", name=name)

    led = followed(link(tenant, photo) + "?download=1")

    plain, _, encoded = (
        led.headers["content-disposition"]
        .removeprefix("attachment; filename=")
        .partition("; filename*=UTF-8''")
    )
    ends = {
        "255 characters": f"{'x' * 251}.jpg",
        "255 beyond the basic plane": f"{name[:251]}.jpg",
        "white space": "two.jpg",
        "a dot": "file.jpg",
    }
    assert led.status_code == 200
    assert unquote(encoded) == ends.get(
        next(what for what, each in VALID_NAMES.items() if each == name), f"{name}.jpg"
    )
    assert plain.isascii()
    assert plain.strip('"').isprintable()


@pytest.mark.parametrize(
    ("filename", "name", "saved_as"),
    [
        ("photo.jpg", None, "photo.jpg"),
        ("photo.jpeg", None, "photo.jpeg"),
        ("photo.JPG", None, "photo.JPG"),
        ("photo.JFIF", None, "photo.JFIF"),
        ("photo.png", None, "photo.jpg"),
        ("evil.exe", None, "evil.jpg"),
        ("evil.exe", "Beach", "Beach.jpg"),
        ("p.html", None, "p.jpg"),
        ("Mr. Smith", "Dr. Jones", "Dr. Jones.jpg"),
        ("a.jpg", "v1.2 final", "v1.2 final.jpg"),
        ("2024.05.12", None, "2024.05.12.jpg"),
        ("photo.jpg.exe", None, "photo.jpg"),
        ("page.tar.gz", None, "page.jpg"),
        ("photo.png. ", None, "photo.jpg"),
        ("photo.", None, "photo.jpg"),
        (".jpg", None, ".jpg"),
        (".htaccess", None, ".htaccess.jpg"),
        ("صورة", None, "صورة.jpg"),
        ("\N{CAMERA}.png", None, "\N{CAMERA}.jpg"),
        ("\u202egpj.exe", None, "gpj.jpg"),
        ("annexe\u202egpj.exe", "a\u2066b\u200f\x07", "ab.jpg"),
        ("\u202e", None, "file.jpg"),
        ("x" * 255, None, "x" * 251 + ".jpg"),
        ("x" * 251 + ".exe", None, "x" * 251 + ".jpg"),
        ("x" * 250 + ".jpeg", None, "x" * 250 + ".jpeg"),
    ],
)
@pytest.mark.sampled(4)
def test_a_download_has_a_suffix_of_its_verified_type(
    tenant: Tenant, filename: str, name: str | None, saved_as: str
) -> None:
    photo = upload(tenant, pictures.jpeg(8, 8, seed=3), filename, name)

    saved = followed(link(tenant, photo) + "?download=1").headers["content-disposition"]

    assert (saved.isascii(), saved.isprintable(), unquote(saved.partition("filename*=UTF-8''")[2])) == (
        True,
        True,
        saved_as,
    )


def test_another_version_changes_the_suffix_and_keeps_the_name(tenant: Tenant) -> None:
    photo = tenant.ready(pictures.png(8, 8, seed=3), "photo.png")
    newer = begin(tenant, size=len(PHOTO), filename="retouched.jpeg", metadata={"sourceMediaId": photo})
    assert newer.complete(newer.put_all(PHOTO)).status_code == 200
    assert tenant.finished(newer.media)["state"] == "ready"

    led = followed(link(tenant, photo) + "?download=1")

    assert (led.content == PHOTO, led.headers["content-disposition"]) == (
        True,
        "attachment; filename=\"photo.jpg\"; filename*=UTF-8''photo.jpg",
    )


@pytest.mark.parametrize("query", ["", "?download=1", "?size=thumbnail"])
def test_head_redirects_like_get_and_can_be_followed(tenant: Tenant, query: str) -> None:
    url = link(tenant, tenant.ready(PHOTO)) + query

    got, asked = http().get(url), http().head(url)
    there, looked = http().get(got.headers["location"]), http().head(asked.headers["location"])

    varies = ("x-request-id", "location", "date", "x-amz-request-id", "x-amz-id-2")

    def same(answer: httpx.Response) -> tuple[int, dict[str, str]]:
        return answer.status_code, {
            name: value for name, value in answer.headers.items() if name not in varies
        }

    assert (same(asked), same(looked), asked.content, looked.content) == (same(got), same(there), b"", b"")
    assert (got.status_code, there.status_code) == (302, 200)
    missing = http().head(url.replace("/f/", "/f/0"))
    assert (missing.status_code, missing.content) == (404, b"")


def test_head_is_answered_in_lambda(tenant: Tenant) -> None:
    url = urlsplit(link(tenant, tenant.ready(pictures.jpeg(8, 8, seed=4))))
    event = json.loads((ROOT / "events/follow_link.json").read_text())
    _, _, media, token = url.path.split("/")
    event |= {
        "routeKey": "HEAD /f/{mediaId}/{token}",
        "rawPath": url.path,
        "pathParameters": {"mediaId": media, "token": token},
    }
    event["requestContext"]["http"] |= {"method": "HEAD", "path": url.path}

    answer = invoke(handler, event)

    assert (answer["statusCode"], answer["body"]) == (302, "")
    assert http().head(answer["headers"]["location"]).status_code == 200


def upload(tenant: Tenant, data: bytes, filename: str, name: str | None) -> str:
    fields = {"datasetId": tenant.collection_id.hex, **({"name": name} if name else {})}
    answer = tenant.studio.post(
        "/api/upload/multipart", data=fields, files={"file": (filename, data, "image/jpeg")}
    )
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["mediaId"]
    return found


def test_the_link_of_a_deleted_item_is_not_found(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)
    url = link(tenant, photo)
    tenant.studio.delete(f"/api/media/{photo}")

    answer = http().get(url)

    assert (answer.status_code, answer.json()) == (404, {"error": "Not found", "code": "not_found"})


@pytest.mark.parametrize(
    "change",
    [
        'moderation = \'{"status": "blocked"}\'',
        "verified_at = null, processing = 'pending'",
        "link_token = repeat('x', 22)",
    ],
)
def test_the_link_of_a_blocked_or_unverified_item_or_a_replaced_link_is_not_found(
    tenant: Tenant, change: str
) -> None:
    photo = tenant.ready(pictures.jpeg(40, 30, seed=2))
    url = link(tenant, photo)
    with owner() as connection:
        connection.execute(f"update media set {change} where id = %s".encode(), [photo])

    assert http().get(url).status_code == 404


def test_a_link_must_match_exactly(tenant: Tenant, stranger: Tenant) -> None:
    url = link(tenant, tenant.ready(PHOTO))
    other = link(stranger, stranger.ready(PHOTO))
    start, token = url.rsplit("/", 1)

    for wrong in (
        f"{start}/{token[:-1]}",
        f"{start}/{token}x",
        f"{start}/{token.swapcase()}",
        f"{start}/%00",
        f"{start}/{other.rsplit('/', 1)[1]}",
        f"{other.rsplit('/', 1)[0]}/{token}",
        f"{start[:-1]}/{token}",
    ):
        answer = http().get(wrong)
        assert answer.status_code in (400, 404), wrong
        assert "location" not in answer.headers
    assert (
        http().get(url.replace(start.rsplit("/", 1)[1], hyphened(start.rsplit("/", 1)[1]))).status_code == 302
    )


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("size=huge", "size", "Must be one of frame, thumbnail"),
        ("original=maybe", "original", "Must be true or false"),
        ("download=2", "download", "Must be true or false"),
    ],
)
def test_an_unknown_size_is_rejected(tenant: Tenant, query: str, field: str, message: str) -> None:
    answer = http().get(f"{link(tenant, tenant.ready(pictures.jpeg(40, 30, seed=2)))}?{query}")

    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": f"{field}: {message}",
            "code": "invalid",
            "details": [{"path": [field], "message": message}],
        },
    )


def test_an_item_without_frames_has_no_thumbnail_but_its_file(tenant: Tenant) -> None:
    broken = pictures.truncated(pictures.jpeg(640, 480, seed=9))
    photo = tenant.post_file(broken)
    assert tenant.finished(photo)["state"] == "failed"
    url = link(tenant, photo)

    answer = http().get(f"{url}?size=thumbnail")

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "There is no thumbnail of this item", "code": "not_found"},
    )
    assert followed(url).content == broken
