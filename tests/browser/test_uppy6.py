"""Stock Uppy 6 with a browser's session cookie, on a page of the API's origin and of other origins."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page

from local.stack import Stack
from tests.browser.conftest import Observed, Organization
from tests.given.tenants import FINAL

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SOURCES = Path(__file__).parent / "uppy6"
MIB = 1024 * 1024


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build page.html and page.js, and return their folder."""
    folder = tmp_path_factory.mktemp("uppy6")
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["node", "build.mjs", str(folder)]):
        done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def signed_in(context: BrowserContext, stack: Stack, organization: Organization) -> Organization:
    """Set the cookie of the owner's session in the browser."""
    context.add_cookies(
        [
            {
                "name": "better-auth.session_token",
                "value": organization.token,
                "url": stack.origin,
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )
    return organization


@pytest.fixture
def same_origin(page: Page, stack: Stack, built: Path) -> Page:
    """The page in a document of the API's origin, loaded from there: Chromium blocks requests of other
    documents to loopback addresses.
    """
    # the document's own policy allows no scripts
    page.context.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})
    page.goto(f"{stack.origin}/api/openapi.json")
    page.route(
        f"{stack.origin}/api/page.js",
        lambda route: route.fulfill(path=built / "page.js", content_type="text/javascript"),
    )
    page.set_content((built / "page.html").read_text())
    page.wait_for_function("'upload' in window")
    return page


@pytest.fixture
def other_origin(page: Page, stack: Stack, built: Path, seen: Observed) -> Iterator[Page]:
    """The page on another origin of the same site, where the browser sends the cookie. Its console errors are
    expected.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(built))) as server:
        Thread(target=server.serve_forever).start()
        origin = f"127.0.0.1:{server.server_port}"
        page.goto(f"http://{origin}/page.html")
        page.wait_for_function("'upload' in window")
        yield page
        page.goto("about:blank")
        server.shutdown()
    seen.hosts.discard(origin)
    seen.complaints[:] = [
        each
        for each in seen.complaints
        if not re.search(r"CORS policy|Failed to load resource|\[Uppy\]", each)
    ]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_: object) -> None:
        """Log nothing."""


def upload_file(page: Page, stack: Stack, file: Path) -> dict[str, Any]:
    page.locator("input").set_input_files(file)
    outcome: dict[str, Any] = page.evaluate("endpoint => upload(endpoint)", f"{stack.origin}/api/upload")
    assert outcome.pop("version").startswith("6.")
    return outcome


def wait_until_final(organization: Organization, key: str, page: Page) -> dict[str, Any]:
    """Wait at most a minute until the upload has a final state, and return it."""
    until = time.monotonic() + 60
    while True:
        upload: dict[str, Any] = organization.get("/api/upload", key=key)
        if upload["state"] in FINAL or time.monotonic() > until:
            return upload
        page.wait_for_timeout(100)


def test_a_photo_is_uploaded_by_a_form(
    same_origin: Page, signed_in: Organization, stack: Stack, files: Callable[[str], Path], seen: Observed
) -> None:
    photo = files("photo.jpg")

    outcome = upload_file(same_origin, stack, photo)

    assert [each["name"] for each in outcome["successful"]] == ["photo.jpg"]
    assert outcome["failed"] == []
    upload = wait_until_final(signed_in, outcome["successful"][0]["key"], same_origin)
    assert (upload["state"], upload["name"], upload["sizeBytes"]) == (
        "ready",
        "photo.jpg",
        photo.stat().st_size,
    )
    assert [(method, status) for method, _, status in seen.store if method != "OPTIONS"] == [("POST", 201)]


def test_a_large_picture_is_uploaded_in_parts(
    same_origin: Page, signed_in: Organization, stack: Stack, files: Callable[[str], Path], seen: Observed
) -> None:
    noise = files("noise.png")
    assert noise.stat().st_size > 100 * MIB

    outcome = upload_file(same_origin, stack, noise)

    assert [each["name"] for each in outcome["successful"]] == ["noise.png"]
    assert outcome["failed"] == []
    upload = wait_until_final(signed_in, outcome["successful"][0]["key"], same_origin)
    assert (upload["state"], upload["name"], upload["sizeBytes"]) == (
        "ready",
        "noise.png",
        noise.stat().st_size,
    )
    assert outcome["successful"][0]["location"] == f"{stack.origin}/api/media/{upload['mediaId']}"
    # one after another, of the minimum size
    assert seen.parts() == list(range(1, -(-noise.stat().st_size // (5 * MIB)) + 1))


@pytest.mark.parametrize(
    ("name", "credentials", "expected"),
    [
        ("photo.jpg", "same-origin", ["GET /api/upload/s3/params", "401"]),  # stock Uppy: without the cookie
        ("photo.jpg", "include", ["GET /api/upload/s3/params", "403"]),
        # the preflight allows nothing, so no request follows
        ("noise.png", "same-origin", ["OPTIONS /api/upload/s3/multipart", "204"]),
        ("noise.png", "include", ["OPTIONS /api/upload/s3/multipart", "204"]),
    ],
)
def test_a_page_of_another_origin_uploads_nothing(
    other_origin: Page,
    signed_in: Organization,
    stack: Stack,
    files: Callable[[str], Path],
    seen: Observed,
    name: str,
    credentials: str,
    expected: list[str],
) -> None:
    other_origin.evaluate(
        "given => {"
        " const stock = fetch; window.fetch = (url, more) => stock(url, { ...more, credentials: given }) "
        "}",
        credentials,
    )
    before = logged_requests(stack)

    outcome = upload_file(other_origin, stack, files(name))

    assert (outcome["successful"], [each["name"] for each in outcome["failed"]]) == ([], [name])
    assert logged_requests(stack)[len(before) :] == [expected]
    assert (count_uploads(stack, signed_in), seen.store) == (0, [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/upload/s3/params?filename=a.jpg&type=image/jpeg"),
        ("POST", "/api/upload/s3/multipart"),
    ],
)
def test_requests_that_another_origin_may_send_without_a_preflight_are_rejected(
    other_origin: Page, signed_in: Organization, stack: Stack, method: str, path: str
) -> None:
    before = logged_requests(stack)

    other_origin.evaluate(
        "([url, method, body]) =>"
        " fetch(url, { method, body, mode: 'no-cors', credentials: 'include' }).then(() => null)",
        [
            stack.origin + path,
            method,
            None if method == "GET" else '{"filename": "a.jpg", "type": "image/jpeg"}',
        ],
    )

    assert logged_requests(stack)[len(before) :] == [[f"{method} {urlsplit(path).path}", "403"]]
    assert count_uploads(stack, signed_in) == 0


def logged_requests(stack: Stack) -> list[list[str]]:
    """The API's requests about uploads from its log: method and path, status.

    The page itself cannot read the answers to another origin.
    """
    lines = re.findall(r"^([A-Z]+ /api/upload\S*) (\d{3}) ", stack.log("api").read_text(), re.MULTILINE)
    return [[request, status] for request, status in lines]


def count_uploads(stack: Stack, organization: Organization) -> int:
    """The number of uploads of this organization, in any state."""
    with psycopg.connect(stack.owner_url) as connection:
        counted = connection.execute(
            "select count(*) from uploads where collection_id = %s", [UUID(organization.collection)]
        ).fetchone()
    assert counted is not None
    return int(counted[0])
