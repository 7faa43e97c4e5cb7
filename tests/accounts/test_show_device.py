"""GET /device and GET /device/{file}: the page where a person decides about a login at a device. What it
does is seen in tests/browser.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.given.tenants import http

ASSETS = Path("functions/show_device/assets")


@pytest.mark.parametrize("query", ["", "?user_code=ABCD2345"])
def test_the_page_may_run_our_script_and_ask_us_and_nothing_else_and_no_page_frames_it(query: str) -> None:
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


def test_everything_the_page_names_is_there_and_may_be_kept_for_ever() -> None:
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
    # what the policy would refuse
    assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>|<style|\son\w+=|\sstyle=", html) == []


def test_a_missing_file_is_said_in_studios_shape() -> None:
    answer = http().get("/device/nothing.js")

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "There is no file nothing.js", "code": "not_found"},
    )
