"""The page with stock Uppy, in a browser, over the real API and store."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import Dialog, Locator, Page, Request, expect

from local.stack import Stack
from tests.browser.conftest import PART_URL_TTL, Observed, Organization
from tests.given import pictures

T = TypeVar("T")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PART_BYTES = 5 * 1024 * 1024  # the part size of stock Uppy
CONCURRENT = 6  # requests in progress of stock Uppy
PARTS_BEFORE = 8  # parts whose URLs arrive before the page is reloaded
LATE_PART = 20  # the part whose URL arrives when it has expired
READY = 120_000  # milliseconds until a picture has its frames


def select_files(page: Page, *files: Path) -> None:
    """Select the files with the button of the page."""
    page.locator(".uppy-Dashboard-input:not([webkitdirectory])").first.set_input_files(files)


def tile(page: Page, name: str) -> Locator:
    return page.locator("#files li", has=page.get_by_text(name, exact=True))


def test_a_photo_is_posted_and_appears_with_its_thumbnail(
    library: Page, organization: Organization, seen: Observed, files: Callable[[str], Path]
) -> None:
    select_files(library, files("photo.jpg"))

    expect(tile(library, "photo.jpg")).to_have_attribute("data-state", "ready", timeout=READY)
    library.wait_for_function("document.querySelector('#files img')?.naturalWidth > 0")
    assert [each for each in seen.store if each[0] != "GET"] == [("POST", "", 201)]
    [media] = organization.get(f"/api/dataset/{organization.collection}/media")["media"]
    assert (media["name"], media["sha256"]) == ("photo.jpg", sha256(files("photo.jpg")))
    expect(tile(library, "photo.jpg")).to_contain_text("2.9 MB · Ready")
    expect(library.locator("#state")).to_have_text("1 item")


def test_a_large_file_resumes_after_a_reload_with_a_new_url_for_an_expired_one(
    library: Page, organization: Organization, seen: Observed, files: Callable[[str], Path]
) -> None:
    urls = PausedUrls(library)
    urls.pause(*range(PARTS_BEFORE + 1, 100))  # no further answers
    with library.expect_response(lambda response: is_create(response.request)) as created:
        select_files(library, files("noise.png"))
    session = created.value.json()
    library.wait_for_function(UPPY_HAS_STORED_THE_FILE, timeout=60_000)
    # then nothing else is in progress
    wait_until(lambda: len(urls.paused), lambda paused: paused == CONCURRENT, library)
    landed = [part["PartNumber"] for part in list_parts(organization, session)]
    before = seen.parts()
    seen.store.clear()

    library.reload()
    urls.pause(LATE_PART)
    wait_until(lambda: urls.paused, bool, library)
    library.wait_for_timeout(1000 * (PART_URL_TTL + 1.5))
    urls.release()

    expect(tile(library, "noise.png")).to_have_attribute("data-state", "ready", timeout=300_000)
    [media] = organization.get(f"/api/dataset/{organization.collection}/media")["media"]
    assert (media["id"], media["sha256"]) == (session["mediaId"], sha256(files("noise.png")))
    count = -(-files("noise.png").stat().st_size // PART_BYTES)
    assert landed == sorted(before) != []
    assert sorted(seen.parts()) == [part for part in range(1, count + 1) if part not in landed]
    assert LATE_PART in seen.parts(status=403)
    complaint = "Failed to load resource: the server responded with a status of 403 (Forbidden)"
    seen.complaints[:] = [each for each in seen.complaints if each != complaint]


class PausedUrls:
    """Delays the answers with the URLs of some parts. The requests to the store are not affected."""

    def __init__(self, page: Page) -> None:
        self._chromium = page.context.new_cdp_session(page)
        self._chromium.on("Fetch.requestPaused", self._on_paused)
        self.paused: list[str] = []

    def pause(self, *parts: int) -> None:
        """Pause the answers for these parts only. Earlier ones stay paused while their page is open."""
        self.paused.clear()
        self._chromium.send(
            "Fetch.enable",
            {
                "patterns": [
                    {"urlPattern": f"*/api/upload/s3/multipart/*/{part}\\?key=*", "requestStage": "Response"}
                    for part in parts
                ]
            },
        )

    def _on_paused(self, request: dict[str, Any]) -> None:
        self.paused.append(request["requestId"])

    def release(self) -> None:
        for request in self.paused:
            self._chromium.send("Fetch.continueRequest", {"requestId": request})
        self._chromium.send("Fetch.disable")


def is_create(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/s3/multipart")


def list_parts(organization: Organization, session: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = organization.get(
        f"/api/upload/s3/multipart/{session['uploadId']}", key=session["key"]
    )
    return parts


UPPY_HAS_STORED_THE_FILE = """() => new Promise((resolve) => {
  const opened = indexedDB.open('uppy-blobs')
  opened.onsuccess = () => {
    const counted = opened.result.transaction('files').objectStore('files').count()
    counted.onsuccess = () => { opened.result.close(); resolve(counted.result === 1) }
  }
})"""


def test_a_dropped_folder_keeps_its_structure(
    library: Page, organization: Organization, files: Callable[[str], Path]
) -> None:
    client = library.context.new_cdp_session(library)
    dropped = {"items": [], "files": [str(files("journey"))], "dragOperationsMask": 1}

    for kind in ("dragEnter", "dragOver", "drop"):
        client.send("Input.dispatchDragEvent", {"type": kind, "x": 640, "y": 250, "data": dropped})

    library.get_by_role("link", name="journey").click()
    expect(tile(library, "map.png")).to_have_attribute("data-state", "ready", timeout=READY)
    library.get_by_role("link", name="day 1").click()
    for name in ("train.jpg", "hills.jpg"):
        expect(tile(library, name)).to_have_attribute("data-state", "ready", timeout=READY)
    expect(library.locator("#trail")).to_have_text("Defaultjourneyday 1")
    library.go_back()
    expect(library.locator("#trail")).to_have_text("Defaultjourney")
    expect(library.locator("#state")).to_have_text("2 items")


def test_a_file_is_uploaded_to_the_open_folder(
    library: Page, organization: Organization, files: Callable[[str], Path]
) -> None:
    organization.api.post(
        "/api/folder", json={"datasetId": organization.collection, "name": "Box"}
    ).raise_for_status()
    library.reload()
    library.get_by_role("link", name="Box").click()
    expect(library.get_by_role("heading", name="Box")).to_be_visible()

    select_files(library, files("photo.jpg"))

    expect(tile(library, "photo.jpg")).to_have_attribute("data-state", "ready", timeout=READY)
    library.get_by_role("link", name="Default").click()
    expect(library.locator("#state")).to_have_text("1 item")
    expect(library.locator("#files li")).to_have_count(0)


def test_a_file_that_is_no_picture_is_rejected_with_a_message(
    library: Page, files: Callable[[str], Path]
) -> None:
    select_files(library, files("letter.jpg"))

    expect(library.locator("#notices")).to_contain_text("letter.jpg was refused: ", timeout=READY)
    expect(library.locator("#files li")).to_have_count(0)
    library.get_by_role("button", name="Dismiss: letter.jpg").click()
    expect(library.locator("#notices li")).to_have_count(0)


def test_an_upload_that_cannot_begin_is_reported(
    library: Page, stack: Stack, organization: Organization, seen: Observed, files: Callable[[str], Path]
) -> None:
    me = organization.get("/api/me")
    with psycopg.connect(stack.owner_url) as owner:
        owner.execute("update organizations set quota_bytes = 0 where id = %s", [UUID(me["organizationId"])])

    select_files(library, files("photo.jpg"))

    expect(library.locator("#notices")).to_contain_text("photo.jpg was not uploaded: ", timeout=READY)
    assert "Could not" not in library.locator("#notices").inner_text()  # the message of Uppy itself
    library.get_by_role("button", name="Remove file").click()
    expect(library.locator("#notices li")).to_have_count(0)
    seen.complaints[:] = [
        each for each in seen.complaints if "status of 413" not in each and "[Uppy]" not in each
    ]


def test_more_items_are_loaded_on_demand_and_new_ones_come_first(
    library: Page, organization: Organization, files: Callable[[str], Path]
) -> None:
    for number in range(50):
        post_file(organization, f"{number:02}.png", pictures.png(40, 30, seed=number))
    wait_until(
        lambda: organization.get(f"/api/dataset/{organization.collection}/media")["pagination"]["total"],
        lambda total: total == 50,
        library,
    )
    library.reload()
    expect(library.locator("#files li")).to_have_count(48)

    library.get_by_role("button", name="Show more").focus()
    library.keyboard.press("Enter")

    expect(library.locator("#files li")).to_have_count(50)
    expect(library.get_by_role("button", name="Show more")).to_be_hidden()
    select_files(library, files("photo.jpg"))
    expect(library.locator("#files li").first).to_contain_text("photo.jpg", timeout=READY)
    expect(library.locator("#files li")).to_have_count(51)
    assert len(set(library.locator("#files .name").all_inner_texts())) == 51


def post_file(organization: Organization, name: str, data: bytes) -> None:
    signed = organization.get("/api/upload/s3/params", filename=name, type="image/png")
    organization.api.post(
        signed["url"], data=signed["fields"], files={"file": (name, data, "image/png")}
    ).raise_for_status()


def test_a_selected_collection_stays_selected_after_a_reload(
    library: Page, organization: Organization
) -> None:
    me = organization.get("/api/me")
    organization.api.post(
        f"/api/organization/{me['organizationId']}/datasets", json={"name": "Second"}
    ).raise_for_status()
    library.reload()

    library.get_by_label("Collection", exact=True).select_option("Second")

    expect(library.get_by_role("heading", name="Second")).to_be_visible()
    library.reload()
    expect(library.get_by_role("heading", name="Second")).to_be_visible()


def test_the_key_is_removed_from_the_url_and_kept_in_the_tab(
    page: Page, stack: Stack, organization: Organization
) -> None:
    page.goto(f"{stack.origin}/#key={organization.key}")
    expect(page.locator("#state")).to_have_text("0 items")

    assert page.url == f"{stack.origin}/"
    page.reload()
    expect(page.locator("#state")).to_have_text("0 items")
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_label("API key")).to_be_focused()
    page.reload()
    expect(page.get_by_label("API key")).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize("agreed", [False, True])
@pytest.mark.parametrize("how", ["opened", "followed"])
def test_a_link_replaces_a_key_only_with_consent(
    library: Page, stack: Stack, organization: Organization, how: str, *, agreed: bool
) -> None:
    other = organization.api.post("/api/auth/api-keys", json={"name": "Another", "scopes": ["*"]}).json()[
        "key"
    ]
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        if agreed:
            dialog.accept()
        else:
            dialog.dismiss()

    library.on("dialog", answer)
    for key in (organization.key, other):
        if how == "opened":
            library.goto("about:blank")
            library.goto(f"{stack.origin}/#key={key}")
        else:
            library.evaluate("key => { location.hash = `#key=${key}` }", key)
        expect(library).to_have_url(f"{stack.origin}/")
        expect(library.locator("#state")).to_have_text("0 items")

    # the same key again is no question
    assert [all(key[:16] in question for key in (organization.key, other)) for question in asked] == [True]
    assert library.evaluate("sessionStorage.getItem('vitrine-key')") == (
        other if agreed else organization.key
    )


def test_a_key_is_requested_and_a_wrong_one_is_reported(
    page: Page, stack: Stack, organization: Organization, seen: Observed
) -> None:
    page.goto(stack.origin)
    field = page.get_by_label("API key")

    field.fill("sk_live_no_key_of_ours")
    field.press("Enter")

    expect(page.locator("#notices")).to_contain_text("This key is not accepted.")
    seen.complaints.remove(
        "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
    )
    field.fill(organization.key)
    field.press("Enter")
    expect(page.locator("#state")).to_have_text("0 items")
    expect(page.locator("#notices li")).to_have_count(0)


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def wait_until(read: Callable[[], T], is_met: Callable[[T], bool], page: Page, *, patience: float = 60) -> T:
    """Read until the value meets the condition, and return it. The browser runs meanwhile."""
    end = time.monotonic() + patience
    while not is_met(value := read()):
        assert time.monotonic() < end, value
        page.wait_for_timeout(100)
    return value
