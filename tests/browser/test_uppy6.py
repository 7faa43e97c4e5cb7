"""Stock Uppy 6 on a browser's cookie: on a page of this origin, which is how it is used, and on pages
that are not ours.
"""

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
from tests.browser.conftest import Organization, Seen
from tests.given.tenants import FINAL

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SOURCES = Path(__file__).parent / "uppy6"
MIB = 1024 * 1024


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of page.html and page.js."""
    folder = tmp_path_factory.mktemp("uppy6")
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["node", "build.mjs", str(folder)]):
        done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def signed_in(context: BrowserContext, stack: Stack, organization: Organization) -> Organization:
    """The browser holds the cookie of the owner's session."""
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
def ours(page: Page, stack: Stack, built: Path) -> Page:
    """The page, in a document of our own origin that came from there: Chromium lets no other one near
    this machine.
    """
    # of a document that is no page, and lets nothing run
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
def foreign(page: Page, stack: Stack, built: Path, seen: Seen) -> Iterator[Page]:
    """The page, of another origin of the same site: the browser would bring the cookie along. Its
    complaints are as they should be.
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
        """Says nothing."""


def uploaded(page: Page, stack: Stack, file: Path) -> dict[str, Any]:
    page.locator("input").set_input_files(file)
    outcome: dict[str, Any] = page.evaluate("endpoint => upload(endpoint)", f"{stack.origin}/api/upload")
    assert outcome.pop("version").startswith("6.")
    return outcome


def finished(organization: Organization, key: str, page: Page) -> dict[str, Any]:
    """What the upload has come to, within a minute."""
    until = time.monotonic() + 60
    while True:
        found: dict[str, Any] = organization.get("/api/upload", key=key)
        if found["state"] in FINAL or time.monotonic() > until:
            return found
        page.wait_for_timeout(100)


def test_a_photo_arrives_by_a_form(
    ours: Page, signed_in: Organization, stack: Stack, files: Callable[[str], Path], seen: Seen
) -> None:
    photo = files("photo.jpg")

    outcome = uploaded(ours, stack, photo)

    assert [each["name"] for each in outcome["successful"]] == ["photo.jpg"]
    assert outcome["failed"] == []
    upload = finished(signed_in, outcome["successful"][0]["key"], ours)
    assert (upload["state"], upload["name"], upload["sizeBytes"]) == (
        "ready",
        "photo.jpg",
        photo.stat().st_size,
    )
    assert [(method, status) for method, _, status in seen.store if method != "OPTIONS"] == [("POST", 201)]


def test_a_large_picture_arrives_in_parts(
    ours: Page, signed_in: Organization, stack: Stack, files: Callable[[str], Path], seen: Seen
) -> None:
    noise = files("noise.png")
    assert noise.stat().st_size > 100 * MIB

    outcome = uploaded(ours, stack, noise)

    assert [each["name"] for each in outcome["successful"]] == ["noise.png"]
    assert outcome["failed"] == []
    upload = finished(signed_in, outcome["successful"][0]["key"], ours)
    assert (upload["state"], upload["name"], upload["sizeBytes"]) == (
        "ready",
        "noise.png",
        noise.stat().st_size,
    )
    assert outcome["successful"][0]["location"] == f"{stack.origin}/api/media/{upload['mediaId']}"
    # one after another, of the least size
    assert seen.parts() == list(range(1, -(-noise.stat().st_size // (5 * MIB)) + 1))


@pytest.mark.parametrize(
    ("name", "credentials", "expected"),
    [
        ("photo.jpg", "same-origin", ["GET /api/upload/s3/params", "401"]),  # as it is: without the cookie
        ("photo.jpg", "include", ["GET /api/upload/s3/params", "403"]),
        # which allows nothing, so that nothing follows
        ("noise.png", "same-origin", ["OPTIONS /api/upload/s3/multipart", "204"]),
        ("noise.png", "include", ["OPTIONS /api/upload/s3/multipart", "204"]),
    ],
)
def test_a_page_of_another_origin_uploads_nothing(
    foreign: Page,
    signed_in: Organization,
    stack: Stack,
    files: Callable[[str], Path],
    seen: Seen,
    name: str,
    credentials: str,
    expected: list[str],
) -> None:
    foreign.evaluate(
        "given => { const stock = fetch; window.fetch = (url, more) => stock(url, { ...more, credentials: given }) }",
        credentials,
    )
    before = answered(stack)

    outcome = uploaded(foreign, stack, files(name))

    assert (outcome["successful"], [each["name"] for each in outcome["failed"]]) == ([], [name])
    assert answered(stack)[len(before) :] == [expected]
    assert (begun(stack, signed_in), seen.store) == (0, [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/upload/s3/params?filename=a.jpg&type=image/jpeg"),
        ("POST", "/api/upload/s3/multipart"),
    ],
)
def test_what_a_page_of_another_origin_may_send_unasked_is_refused(
    foreign: Page, signed_in: Organization, stack: Stack, method: str, path: str
) -> None:
    before = answered(stack)

    foreign.evaluate(
        "([url, method, body]) => fetch(url, { method, body, mode: 'no-cors', credentials: 'include' }).then(() => null)",
        [
            stack.origin + path,
            method,
            None if method == "GET" else '{"filename": "a.jpg", "type": "image/jpeg"}',
        ],
    )

    assert answered(stack)[len(before) :] == [[f"{method} {urlsplit(path).path}", "403"]]
    assert begun(stack, signed_in) == 0


def answered(stack: Stack) -> list[list[str]]:
    """What the API was asked about uploads and answered: method and path, status. A page is not told what
    it may not read.
    """
    lines = re.findall(r"^([A-Z]+ /api/upload\S*) (\d{3}) ", stack.log("api").read_text(), re.MULTILINE)
    return [[asked, status] for asked, status in lines]


def begun(stack: Stack, organization: Organization) -> int:
    """Uploads of this organization, in whatever state."""
    with psycopg.connect(stack.owner_url) as connection:
        found = connection.execute(
            "select count(*) from uploads where collection_id = %s", [UUID(organization.collection)]
        ).fetchone()
    assert found is not None
    return int(found[0])
