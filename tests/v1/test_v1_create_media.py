"""POST /api/v1/media"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from tests.given.isolation_cases import owner
from tests.given.shapes import A_TIME, hyphened
from tests.uploads.test_fetch import names
from vitrine.db import Statement, read
from vitrine.library import imports, purge
from vitrine.models.people import Consumer

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PATH = "/api/v1/media"
SEED: dict[str, Any] = {  # the example of the API's documents
    "url": "https://example.com/images/photo.jpg",
    "filename": "photo.jpg",
    "fileSize": 250000,
    "mimeType": "image/jpeg",
    "width": 1920,
    "height": 1080,
    "alt": "Sunset over mountains",
}
SMALL = {"url": "https://nobody.invalid/a.mp4", "filename": "a.mp4", "fileSize": 1, "mimeType": "video/mp4"}


class Row:
    def __init__(self, n: int) -> None:
        self.n = n


def objects(tenant: Tenant) -> int:
    statement = Statement(
        "select count(*) as n from objects where organization_id = %(organization)s",
        Row,
        organization=tenant.id,
    )
    return read(Consumer(tenant.id), statement)[0].n


def test_a_url_is_registered_as_documented(tenant: Tenant) -> None:
    answer = tenant.studio.post(PATH, json={**SEED, "id": "x", "teamId": "x", "status": "deleted"})

    answered = answer.json()
    item = answered["data"]["id"]
    origin, _, token = answered["data"]["url"].rpartition("/")
    assert (answer.status_code, answered) == (
        201,
        {
            "success": True,
            "data": {
                "id": item,
                "userId": str(tenant.owner.user_id),
                "teamId": str(tenant.id),
                "url": f"{origin}/{token}",
                "filename": "photo.jpg",
                "fileSize": 250000,
                "mimeType": "image/jpeg",
                "width": 1920,
                "height": 1080,
                "title": None,
                "alt": "Sunset over mountains",
                "caption": None,
                "status": "active",
                "createdAt": A_TIME,
                "updatedAt": A_TIME,
                "processing": {"state": "ready", "reason": None},
            },
            "info": {"timestamp": A_TIME},
        },
    )
    assert origin.endswith(f"/f/{item.replace('-', '')}")
    led = httpx.get(answered["data"]["url"])
    assert (led.status_code, led.headers["location"]) == (302, SEED["url"])
    assert tenant.studio.get(f"{PATH}/{item}").json()["data"] == answered["data"]
    assert tenant.studio.get(PATH).json()["data"]["data"] == [answered["data"]]
    studio = tenant.studio.get(f"/api/media/{item}").json()["media"]
    assert (studio["frames"], studio["blob"], studio["sizeBytes"]) == ([], answered["data"]["url"], 250000)
    usage = tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage").json()
    assert (usage["counts"]["active"], objects(tenant), tenant.inconsistencies(finished=True)) == (0, 0, [])

    assert tenant.studio.delete(f"{PATH}/{item}").status_code == 200
    assert (httpx.get(answered["data"]["url"]).status_code, tenant.inconsistencies(finished=True)) == (
        404,
        [],
    )
    assert tenant.studio.post(f"{PATH}/{item}/restore").status_code == 200
    assert (httpx.get(answered["data"]["url"]).status_code, tenant.inconsistencies(finished=True)) == (
        302,
        [],
    )
    deletion = tenant.studio.delete(f"/api/media/{item}").json()["deletionId"]
    month, just_before = datetime.now(UTC) + timedelta(days=31), UUID(int=UUID(deletion).int - 1).hex
    deeds = []
    while "purged" not in deeds:
        deeds += [done.deed for done in purge.purge_due(month, just_before, 100, dry_run=False).done]
    assert (
        tenant.studio.post(f"/api/media/{item}/restore").status_code,
        tenant.inconsistencies(finished=True),
    ) == (
        410,
        [],
    )


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.org/日本.jpg", "https://example.org/%E6%97%A5%E6%9C%AC.jpg"),
        ("https:example.org/a.jpg", "https://example.org/a.jpg"),
        ("https:\\\\example.org\\a.jpg", "https://example.org/a.jpg"),
        ("HTTPS://EXAMPLE.org:443/A", "https://example.org/A"),
        ("https://日本.invalid/a b?q=ü#é", "https://xn--wgv71a.invalid/a%20b?q=%C3%BC#%C3%A9"),
        ("https://example.org/a/../%zz%0d%0a", "https://example.org/%zz%0d%0a"),
        ("https://ex%41mple.org/", "https://example.org/"),
        ("https:///example.org:8443//x", "https://example.org:8443//x"),
        ("http://example.org", "http://example.org/"),
        ("https://example.org./\u202e.jpg", "https://example.org./%E2%80%AE.jpg"),
        ("https://@example.org/", "https://example.org/"),
        ("https://[2606:4700::0:1]:443/", "https://[2606:4700::1]/"),
        ("http://0x01010101/", "http://1.1.1.1/"),
        ("  https://example.org/a.jpg\r\n", "https://example.org/a.jpg"),
    ],
)
@pytest.mark.sampled(3)
def test_a_url_is_stored_and_sent_in_its_normalized_form(tenant: Tenant, url: str, kept: str) -> None:
    answer = tenant.studio.post(PATH, json={**SMALL, "url": url})
    assert answer.status_code == 201, answer.text

    led = httpx.get(answer.json()["data"]["url"])

    assert (led.status_code, led.headers["location"]) == (302, kept)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a\nb.jpg",
        "https://example.org/a\tb.jpg",
        "https://example.org/a\rb.jpg",
        "https://exa\nmple.org/",
        "ht\ttps://example.org/",
        "https://example.org/\x01",
        "https://example.org/\x1f.jpg",
        "https://example.org/\x7f",
        "https://example.org/\x85.jpg",
        "https://example.org/?a\nb",
    ],
)
@pytest.mark.parametrize("to_be_fetched", [False, True])
def test_a_url_with_a_control_character_is_rejected(tenant: Tenant, url: str, to_be_fetched: bool) -> None:
    answer = tenant.studio.post(PATH, json={**SMALL, "url": url, "import": to_be_fetched})

    assert (answer.status_code, answer.json()["details"]["errors"]) == (
        400,
        [{"code": "custom", "path": ["url"], "message": "The URL holds a control character"}],
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "//example.org/a.jpg",
        "https://exa mple.org/",
        "https://xn--/",
        "http://example.org:99999/",
        "data:image/png,x",
        "https://[::1",
    ],
)
def test_a_text_that_is_not_a_url_is_rejected(tenant: Tenant, url: str) -> None:
    answer = tenant.studio.post(PATH, json={**SMALL, "url": url})

    assert (answer.status_code, answer.json()["details"]["errors"]) == (
        400,
        [{"code": "invalid_format", "format": "url", "path": ["url"], "message": "Invalid URL format"}],
    )


def test_a_url_stored_before_urls_were_normalized_is_sent_normalized(tenant: Tenant) -> None:
    raw = {
        "https://example.org/日本.jpg": "https://example.org/%E6%97%A5%E6%9C%AC.jpg",
        "https://example.org/a\r\nset-cookie: x=y": "https://example.org/aset-cookie:%20x=y",
        "https:example.org/a.jpg": "https://example.org/a.jpg",
        "https://example.org/\x01.jpg": "https://example.org/%01.jpg",
    }
    item = tenant.studio.post(PATH, json=SMALL).json()["data"]

    led: dict[str, str] = {}
    for url in raw:
        with owner() as connection:
            connection.execute("update versions set external_url = %s where media_id = %s", [url, item["id"]])
        answer = httpx.get(item["url"])
        led[url] = answer.headers["location"]
        assert (answer.status_code, "set-cookie" in answer.headers) == (302, False)

    assert led == raw


def test_the_same_key_registers_once(tenant: Tenant) -> None:
    key = {"idempotency-key": "a-key"}

    first, again, other = (tenant.studio.post(PATH, json=body, headers=key) for body in (SMALL, SMALL, SEED))

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    listed = tenant.studio.get(f"{PATH}?type=video").json()["data"]
    assert [each["id"] for each in listed["data"]] == [first.json()["data"]["id"]]


def test_wrong_input_has_the_issues_of_zod(tenant: Tenant) -> None:
    no_url = {"code": "invalid_format", "format": "url", "path": ["url"], "message": "Invalid URL format"}

    def custom(message: str) -> dict[str, Any]:
        return {"code": "custom", "path": ["url"], "message": message}

    def bound(
        name: str,
        word: str,
        limit: str,
        number: int,
        message: str,
        *,
        inclusive: bool = True,
        origin: str = "string",
    ) -> dict[str, Any]:
        return {
            "origin": origin,
            "code": f"too_{word}",
            limit: number,
            "inclusive": inclusive,
            "path": [name],
            "message": message,
        }

    cases: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"url": "/uploads/x.jpg"}, [no_url]),
        ({"url": "ftp://example.com/a.jpg"}, [no_url]),
        ({"url": "javascript:alert(1)"}, [no_url]),
        ({"url": "http://127.0.0.1/a.jpg"}, [custom("127.0.0.1 is not a public address")]),
        ({"url": "http://0x7f.1:80/a.jpg", "import": True}, [custom("127.0.0.1 is not a public address")]),
        ({"url": "http://localhost:8484/a.jpg"}, [custom("localhost is not a public address")]),
        ({"url": "http://[fd00::1]/a.jpg"}, [custom("fd00::1 is not a public address")]),
        ({"url": "http://user:@example.org/"}, [custom("The URL holds a user name or a password")]),
        (
            {"url": f"http://nobody.invalid/{'é' * 2000}"},
            [custom("The URL has more than 2048 characters once it is percent-encoded")],
        ),
        (
            {"url": f"http://nobody.invalid/{'x' * 2048}"},
            [bound("url", "big", "maximum", 2048, "Too big: expected string to have <=2048 characters")],
        ),
        (
            {"filename": "", "fileSize": 0},
            [
                bound("filename", "small", "minimum", 1, "Too small: expected string to have >=1 characters"),
                bound(
                    "fileSize",
                    "small",
                    "minimum",
                    0,
                    "Too small: expected number to be >0",
                    inclusive=False,
                    origin="number",
                ),
            ],
        ),
        (
            {"mimeType": None, "width": "1", "import": "yes"},
            [
                {
                    "expected": "string",
                    "code": "invalid_type",
                    "path": ["mimeType"],
                    "message": "Invalid input: expected string, received null",
                },
                {
                    "expected": "number",
                    "code": "invalid_type",
                    "path": ["width"],
                    "message": "Invalid input: expected number, received string",
                },
                {
                    "expected": "boolean",
                    "code": "invalid_type",
                    "path": ["import"],
                    "message": "Invalid input: expected boolean, received string",
                },
            ],
        ),
        (
            {"height": 2**31},
            [
                bound(
                    "height",
                    "big",
                    "maximum",
                    2**31 - 1,
                    f"Too big: expected number to be <={2**31 - 1}",
                    origin="number",
                )
            ],
        ),
    ]

    answers = [(tenant.studio.post(PATH, json={**SMALL, **changed}), issues) for changed, issues in cases]

    assert [(answer.status_code, answer.json()) for answer, _ in answers] == [
        (
            400,
            {
                "success": False,
                "error": "Validation failed",
                "code": "HTTP_400",
                "details": {"errors": issues},
                "info": {"timestamp": A_TIME},
            },
        )
        for _, issues in answers
    ]
    broken = tenant.studio.post(PATH, content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["error"]) == (400, "The body is not valid JSON")
    assert (tenant.studio.get(PATH).json()["data"]["total"], tenant.inconsistencies(finished=True)) == (0, [])


def test_a_name_is_checked_by_all_its_addresses_without_a_request(tenant: Tenant) -> None:
    link = imports.NewLink("https://photos.test/a.jpg", "a.jpg", 1, "image/jpeg")

    public = imports.register(tenant.owner, link, resolve=names({"photos.test": ["1.1.1.1"]}))

    assert (public.version.processing, tenant.inconsistencies()) == ("ready", [])


def test_an_import_is_requested_at_once(tenant: Tenant) -> None:
    """The real queue and worker run it, and find that the name has no address."""
    answer = tenant.studio.post(PATH, json={**SMALL, "import": True})
    item = answer.json()["data"]["id"]

    until = time.monotonic() + 30
    while (shown := tenant.studio.get(f"{PATH}/{item}").json()["data"])["processing"][
        "state"
    ] == "pending" and time.monotonic() < until:
        time.sleep(0.05)

    pending, failed = (
        {"state": "pending", "reason": None},
        {"state": "failed", "reason": "nobody.invalid has no address"},
    )
    # the worker may have been quick
    assert (answer.status_code, answer.json()["data"]["processing"] in (pending, failed)) == (201, True)
    assert shown["processing"] == failed
    assert (hyphened(item.replace("-", "")), tenant.inconsistencies(finished=True)) == (item, [])
