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
from tests.browser.conftest import PART_URL_TTL, Organization, Seen
from tests.given import pictures

T = TypeVar("T")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PART_BYTES = 5 * 1024 * 1024  # stock Uppy's
AT_ONCE = 6  # requests that stock Uppy has under way
PARTS_BEFORE = 8  # whose URLs arrive before the page is reloaded
LATE_PART = 20  # whose URL arrives when it is dead
READY = 120_000  # milliseconds until a picture has its frames


def chosen(page: Page, *files: Path) -> None:
    """The files are chosen with the button of the page."""
    page.locator(".uppy-Dashboard-input:not([webkitdirectory])").first.set_input_files(files)


def tile(page: Page, name: str) -> Locator:
    return page.locator("#files li", has=page.get_by_text(name, exact=True))


def test_a_photo_is_posted_and_appears_with_its_thumbnail(
    library: Page, organization: Organization, seen: Seen, files: Callable[[str], Path]
) -> None:
    chosen(library, files("photo.jpg"))

    expect(tile(library, "photo.jpg")).to_have_attribute("data-state", "ready", timeout=READY)
    library.wait_for_function("document.querySelector('#files img')?.naturalWidth > 0")
    assert [each for each in seen.store if each[0] != "GET"] == [("POST", "", 201)]
    [media] = organization.get(f"/api/dataset/{organization.collection}/media")["media"]
    assert (media["name"], media["sha256"]) == ("photo.jpg", sha256(files("photo.jpg")))
    expect(tile(library, "photo.jpg")).to_contain_text("2.9 MB · Ready")
    expect(library.locator("#state")).to_have_text("1 item")


def test_a_large_file_goes_on_after_a_reload_and_with_a_fresh_url_where_one_has_died(
    library: Page, organization: Organization, seen: Seen, files: Callable[[str], Path]
) -> None:
    line = Line(library)
    line.lock(*range(PARTS_BEFORE + 1, 100))  # nobody answers any more
    with library.expect_response(lambda response: is_create(response.request)) as created:
        chosen(library, files("noise.png"))
    session = created.value.json()
    library.wait_for_function(KEPT, timeout=60_000)
    until(lambda: len(line.locked), lambda locked: locked == AT_ONCE, library)  # so nothing else is under way
    landed = [part["PartNumber"] for part in listed(organization, session)]
    before = seen.parts()
    seen.store.clear()

    library.reload()
    line.lock(LATE_PART)
    until(lambda: line.locked, bool, library)
    library.wait_for_timeout(1000 * (PART_URL_TTL + 1.5))
    line.release()

    expect(tile(library, "noise.png")).to_have_attribute("data-state", "ready", timeout=300_000)
    [media] = organization.get(f"/api/dataset/{organization.collection}/media")["media"]
    assert (media["id"], media["sha256"]) == (session["mediaId"], sha256(files("noise.png")))
    count = -(-files("noise.png").stat().st_size // PART_BYTES)
    assert landed == sorted(before) != []
    assert sorted(seen.parts()) == [part for part in range(1, count + 1) if part not in landed]
    assert LATE_PART in seen.parts(status=403)
    complaint = "Failed to load resource: the server responded with a status of 403 (Forbidden)"
    seen.complaints[:] = [each for each in seen.complaints if each != complaint]


class Line:
    """Holds back the URLs of some parts, once they are signed. The parts themselves go to the store
    untouched.
    """

    def __init__(self, page: Page) -> None:
        self._chromium = page.context.new_cdp_session(page)
        self._chromium.on("Fetch.requestPaused", self._paused)
        self.locked: list[str] = []

    def lock(self, *parts: int) -> None:
        """These and no others; what was held before stays so, for as long as its page lives."""
        self.locked.clear()
        self._chromium.send(
            "Fetch.enable",
            {
                "patterns": [
                    {"urlPattern": f"*/api/upload/s3/multipart/*/{part}\\?key=*", "requestStage": "Response"}
                    for part in parts
                ]
            },
        )

    def _paused(self, request: dict[str, Any]) -> None:
        self.locked.append(request["requestId"])

    def release(self) -> None:
        for request in self.locked:
            self._chromium.send("Fetch.continueRequest", {"requestId": request})
        self._chromium.send("Fetch.disable")


def is_create(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/s3/multipart")


def listed(organization: Organization, session: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = organization.get(
        f"/api/upload/s3/multipart/{session['uploadId']}", key=session["key"]
    )
    return parts


KEPT = """() => new Promise((resolve) => {
  const opened = indexedDB.open('uppy-blobs')
  opened.onsuccess = () => {
    const counted = opened.result.transaction('files').objectStore('files').count()
    counted.onsuccess = () => { opened.result.close(); resolve(counted.result === 1) }
  }
})"""


def test_a_dropped_folder_keeps_its_folders(
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


def test_a_file_goes_where_the_page_is(
    library: Page, organization: Organization, files: Callable[[str], Path]
) -> None:
    organization.api.post(
        "/api/folder", json={"datasetId": organization.collection, "name": "Box"}
    ).raise_for_status()
    library.reload()
    library.get_by_role("link", name="Box").click()
    expect(library.get_by_role("heading", name="Box")).to_be_visible()

    chosen(library, files("photo.jpg"))

    expect(tile(library, "photo.jpg")).to_have_attribute("data-state", "ready", timeout=READY)
    library.get_by_role("link", name="Default").click()
    expect(library.locator("#state")).to_have_text("1 item")
    expect(library.locator("#files li")).to_have_count(0)


def test_what_is_no_picture_is_refused_in_words(library: Page, files: Callable[[str], Path]) -> None:
    chosen(library, files("letter.jpg"))

    expect(library.locator("#notices")).to_contain_text("letter.jpg was refused: ", timeout=READY)
    expect(library.locator("#files li")).to_have_count(0)
    library.get_by_role("button", name="Dismiss: letter.jpg").click()
    expect(library.locator("#notices li")).to_have_count(0)


def test_an_upload_that_may_not_begin_is_refused_in_words(
    library: Page, stack: Stack, organization: Organization, seen: Seen, files: Callable[[str], Path]
) -> None:
    me = organization.get("/api/me")
    with psycopg.connect(stack.owner_url) as owner:
        owner.execute("update organizations set quota_bytes = 0 where id = %s", [UUID(me["organizationId"])])

    chosen(library, files("photo.jpg"))

    expect(library.locator("#notices")).to_contain_text("photo.jpg was not uploaded: ", timeout=READY)
    assert "Could not" not in library.locator("#notices").inner_text()  # Uppy's own words for it
    library.get_by_role("button", name="Remove file").click()
    expect(library.locator("#notices li")).to_have_count(0)
    seen.complaints[:] = [
        each for each in seen.complaints if "status of 413" not in each and "[Uppy]" not in each
    ]


def test_more_is_shown_on_demand_and_what_is_new_comes_first(
    library: Page, organization: Organization, files: Callable[[str], Path]
) -> None:
    for number in range(50):
        posted(organization, f"{number:02}.png", pictures.png(40, 30, seed=number))
    until(
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
    chosen(library, files("photo.jpg"))
    expect(library.locator("#files li").first).to_contain_text("photo.jpg", timeout=READY)
    expect(library.locator("#files li")).to_have_count(51)
    assert len(set(library.locator("#files .name").all_inner_texts())) == 51


def posted(organization: Organization, name: str, data: bytes) -> None:
    signed = organization.get("/api/upload/s3/params", filename=name, type="image/png")
    organization.api.post(
        signed["url"], data=signed["fields"], files={"file": (name, data, "image/png")}
    ).raise_for_status()


def test_a_collection_is_chosen_and_stays_over_a_reload(library: Page, organization: Organization) -> None:
    me = organization.get("/api/me")
    organization.api.post(
        f"/api/organization/{me['organizationId']}/datasets", json={"name": "Second"}
    ).raise_for_status()
    library.reload()

    library.get_by_label("Collection", exact=True).select_option("Second")

    expect(library.get_by_role("heading", name="Second")).to_be_visible()
    library.reload()
    expect(library.get_by_role("heading", name="Second")).to_be_visible()


def test_the_key_leaves_the_address_and_stays_in_the_tab(
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
def test_a_link_replaces_a_key_only_where_the_person_agrees(
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


def test_a_key_is_asked_for_and_a_wrong_one_refused_in_words(
    page: Page, stack: Stack, organization: Organization, seen: Seen
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


def until(look: Callable[[], T], fits: Callable[[T], bool], page: Page, *, patience: float = 60) -> T:
    """What `look` says once it fits; the browser goes on meanwhile."""
    end = time.monotonic() + patience
    while not fits(found := look()):
        assert time.monotonic() < end, found
        page.wait_for_timeout(100)
    return found
