"""Debian's Chromium over a running stack. The page and the store have different origins, as in a deployment.

These tests have a stack of their own, because their URLs of parts expire within seconds.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

from local import CLONE
from local.stack import Stack
from tests.given import minted, pictures
from tests.given.stack import running_stack

PART_URL_TTL = 6  # seconds
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

CREATE_ORGANIZATION = """
import sys
from vitrine.library import organizations, sessions
word = sys.argv[1]
made = organizations.create(
    email=f"{word}@example.org", person="An Owner", name="Team Browser", slug=word, collection="Default"
)
session = sessions.start(made.user_id, address="127.0.0.1", user_agent="tests")
print(made.collection_id.hex, organizations.add_key(made.user_id, "a key", ["*"]), session.token)
"""


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization of one test."""

    key: str
    token: str  # of a session of its owner
    collection: str
    api: httpx.Client  # with that key

    def get(self, path: str, **query: str) -> Any:
        answer = self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass(slots=True)
class Observed:
    """The requests and the console messages of a page."""

    hosts: set[str] = field(default_factory=set[str])
    # method, partNumber or "", status
    store: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    complaints: list[str] = field(default_factory=list[str])
    # the paths of all messages, expected ones too
    complained_of: list[str] = field(default_factory=list[str])

    def parts(self, *, status: int = 200) -> list[int]:
        """The numbers of the parts that the store answered with this status, in that order."""
        return [int(part) for method, part, answered in self.store if method == "PUT" and answered == status]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack(environment={"PART_URL_TTL": str(PART_URL_TTL)}) as stack:
        yield stack


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install -y chromium")
    with sync_playwright() as started:
        yield started


@pytest.fixture
def organization(stack: Stack, tmp_path: Path) -> Iterator[Organization]:
    word = f"browser-{tmp_path.name.lower().replace('_', '-')}"
    made = subprocess.run(
        [sys.executable, "-c", CREATE_ORGANIZATION, word],
        env=stack.environment(),
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=True,
    )
    collection, key, token = made.stdout.split()
    minted.note(key, token)
    with httpx.Client(base_url=stack.origin, headers={"x-api-key": key}, timeout=30) as api:
        yield Organization(key, token, collection, api)


@pytest.fixture
def context(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser with a profile on disk, so that it keeps data over a reload as usual."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path / "profile", executable_path=CHROMIUM, args=FLAGS, viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def seen() -> Observed:
    return Observed()


@pytest.fixture
def page(context: BrowserContext, stack: Stack, seen: Observed) -> Iterator[Page]:
    """A page. At the end of the test it must have sent requests to the API and the store only, and must have
    logged no warning or error that the test did not expect.
    """
    page = context.pages[0]
    store = urlsplit(stack.s3_url).netloc

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            seen.complaints.append(message.text)
            seen.complained_of.append(urlsplit(message.location["url"]).path)

    def on_request(url: str) -> None:
        if url.startswith(("http:", "https:", "ws:", "wss:")):
            seen.hosts.add(urlsplit(url).netloc)

    def on_response(method: str, url: str, status: int) -> None:
        if urlsplit(url).netloc == store:
            seen.store.append((method, httpx.URL(url).params.get("partNumber", ""), status))

    page.on("console", on_console)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("request", lambda request: on_request(request.url))
    page.on("websocket", lambda socket: on_request(socket.url))
    page.on("response", lambda response: on_response(response.request.method, response.url, response.status))
    yield page
    assert seen.complaints == [], f"{seen.complaints}; the console spoke of {seen.complained_of}"
    assert seen.hosts <= {urlsplit(stack.origin).netloc, store}


@pytest.fixture
def library(page: Page, stack: Stack, organization: Organization) -> Page:
    """The page, opened with the organization's key."""
    page.goto(f"{stack.origin}/#key={organization.key}")
    page.locator("#state", has_text="item").wait_for()
    return page


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Files to upload, each created at its first use."""
    folder = tmp_path_factory.mktemp("files")
    made: dict[str, Callable[[Path], object]] = {
        "photo.jpg": lambda path: path.write_bytes(pictures.photo(3, seed=1)),
        "noise.png": lambda path: pictures.noise_png(path, megabytes=150, seed=2),
        "letter.jpg": lambda path: path.write_bytes(b"Dear all, this is no picture.\n" * 100),
        "letter.txt": lambda path: path.write_text("Dear all, this is not even called a picture."),
        "journey": lambda path: _journey(path),
    }

    def file(name: str) -> Path:
        path = folder / name
        if not path.exists():
            made[name](path)
        return path

    return file


def _journey(folder: Path) -> None:
    (folder / "day 1").mkdir(parents=True)
    (folder / "map.png").write_bytes(pictures.png(seed=3))
    (folder / "day 1" / "train.jpg").write_bytes(pictures.jpeg(seed=4))
    (folder / "day 1" / "hills.jpg").write_bytes(pictures.jpeg(seed=5))
