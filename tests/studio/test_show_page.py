"""GET /, GET /assets/{file} and GET /favicon.ico: the page, the files it names, and the icon."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.given.loops import invoke
from tests.given.tenants import Tenant, http

ASSETS = Path("functions/show_page/assets")


def test_the_page_may_run_our_scripts_and_reach_the_store_and_nothing_else(tenant: Tenant) -> None:
    store = urlsplit(
        tenant.studio.get("/api/upload/s3/params", params={"filename": "a.jpg", "type": "image/jpeg"}).json()[
            "url"
        ]
    )

    answer = http().get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' data: blob: {store.scheme}://{store.netloc}",
        "connect-src": f"'self' {store.scheme}://{store.netloc}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_all_files_of_the_page_exist_and_may_be_cached_for_ever() -> None:
    named = re.findall(r'(?:src|href)="(/assets/[^"]+)"', http().get("/").text)

    answers = {path: http().get(path) for path in named}

    assert len(answers) == 4
    assert {
        path: (answer.status_code, answer.headers["cache-control"], answer.headers["content-type"])
        for path, answer in answers.items()
    } == {
        path: (
            200,
            "public, max-age=31536000, immutable",
            "text/css; charset=utf-8" if path.endswith(".css") else "text/javascript; charset=utf-8",
        )
        for path in named
    }
    assert {path: answer.content for path, answer in answers.items()} == {
        path: (ASSETS / Path(path).name).read_bytes() for path in named
    }


def test_no_file_of_the_page_refers_to_another_host() -> None:
    html = http().get("/").text

    assert re.findall(r'(?:src|href)="(?!/|#|data:)[^"]*"', html) == []
    # what the Content-Security-Policy would block
    assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>|<style|\son\w+=|\sstyle=", html) == []


def test_browsers_find_an_icon_where_they_look_for_one() -> None:
    answer = http().get("/favicon.ico")

    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (
        200,
        "image/svg+xml",
        "public, max-age=86400",
    )
    assert answer.content == (ASSETS / "favicon.svg").read_bytes()
    assert http().get("/favicon.ico", headers={"if-none-match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "name",
    ["..%2Fhandler.py", "%2e%2e%2fhandler.py", "%2Fetc%2Fpasswd", "handler.py", "PAGE.HTML", "", "x" * 2000],
)
def test_a_name_that_is_not_packaged_is_not_found(name: str) -> None:
    answer = http().get(f"/assets/{name}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_impossible_name_is_rejected() -> None:
    assert http().get("/assets/page.html%00").status_code in (400, 404)


def test_a_missing_file_is_an_error_in_studios_shape() -> None:
    answer = http().get("/assets/nothing.js")

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "There is no file nothing.js", "code": "not_found"},
    )


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_unchanged_file_is_not_sent_again(encoding: str) -> None:
    first = http().get("/", headers={"accept-encoding": encoding})

    again = http().get(
        "/", headers={"accept-encoding": encoding, "if-none-match": f'"other", W/{first.headers["etag"]}'}
    )

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [
        ("gzip, deflate, br", "gzip"),
        ("br;q=1.0, gzip;q=0.8", "gzip"),
        ("identity", None),
        ("gzip;q=0, br", None),
        ("br", None),
    ],
)
def test_files_are_compressed_for_clients_that_accept_gzip(accepted: str, sent: str | None) -> None:
    path = next(re.finditer(r'src="(/assets/[^"]+)"', http().get("/").text))[1]

    answer = http().get(path, headers={"accept-encoding": accepted})

    assert answer.headers.get("content-encoding") == sent
    assert answer.headers["vary"] == "Origin, Accept-Encoding"
    assert answer.content == (ASSETS / Path(path).name).read_bytes()


def test_the_compressed_page_passes_through_lambda() -> None:
    from functions.show_page.handler import handler

    event: dict[str, Any] = json.loads(Path("events/show_page.json").read_text())
    event["headers"]["accept-encoding"] = "gzip"
    context: Any = SimpleNamespace(
        aws_request_id="r", function_name="show_page", memory_limit_in_mb=128, invoked_function_arn="arn"
    )

    answer = invoke(handler, event, context)

    assert (answer["statusCode"], answer["isBase64Encoded"], answer["headers"]["content-encoding"]) == (
        200,
        True,
        "gzip",
    )
    assert gzip.decompress(base64.b64decode(answer["body"])) == (ASSETS / "page.html").read_bytes()


def test_the_licences_of_bundled_packages_are_included() -> None:
    text = http().get("/assets/LICENSES.txt").text

    assert {
        "@uppy/aws-s3",
        "@uppy/core",
        "@uppy/dashboard",
        "@uppy/golden-retriever",
        "preact",
        "thumbhash",
    } <= {line.split(" ")[0] for line in text.splitlines() if line}
