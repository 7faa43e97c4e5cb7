"""GET /device and GET /device/{file}: the page where a person approves or denies a device login, as
files: their headers, their bytes and their addresses.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.given.tenants import http

ASSETS = Path("functions/show_device/assets")


@pytest.mark.parametrize("query", ["", "?user_code=ABCD2345"])
def test_the_content_security_policy_allows_only_the_pages_own_script_and_requests_and_no_frames(
    query: str,
) -> None:
    answer = http().get(f"/device{query}")

    assert answer.status_code == 200
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "text/html; charset=utf-8",
        "no-cache",
    )
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    # the code is read by the script: nothing of a request is in the page
    assert answer.content == (ASSETS / "device.html").read_bytes()


def test_every_file_of_the_page_exists_and_is_immutable() -> None:
    html = http().get("/device").text
    named = re.findall(r'(?:src|href)="(/device/[^"]+)"', html)

    answers = {path: http().get(path) for path in named}

    assert len(answers) == 2
    assert {(answer.status_code, answer.headers["cache-control"]) for answer in answers.values()} == {
        (200, "public, max-age=31536000, immutable")
    }
    assert {path: answer.content for path, answer in answers.items()} == {
        path: (ASSETS / Path(path).name).read_bytes() for path in named
    }
    assert re.findall(r'(?:src|href)="(?!/device/|data:)[^"]*"', html) == []
    # blocked by the policy
    assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>|<style|\son\w+=|\sstyle=", html) == []


def test_a_missing_file_is_reported_in_the_studio_format() -> None:
    answer = http().get("/device/nothing.js")

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "There is no file nothing.js", "code": "not_found"},
    )
