"""GET /api/docs and GET /api/docs/{file}: the viewer of the API's documents, and its files."""

from __future__ import annotations

import re
from pathlib import Path

from tests.given.tenants import http

ASSETS = Path("functions/show_docs/assets")


def test_the_viewer_may_run_our_scripts_and_reach_our_origin_and_nothing_else() -> None:
    answer = http().get("/api/docs")

    assert answer.status_code == 200
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "text/html; charset=utf-8",
        "no-cache",
    )
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_all_files_of_the_viewer_exist_and_may_be_cached_for_ever() -> None:
    named = re.findall(r'(?:src|href)="(/api/docs/[^"]+)"', http().get("/api/docs").text)

    answers = {path: http().get(path) for path in named}

    assert len(answers) == 4
    assert {(answer.status_code, answer.headers["cache-control"]) for answer in answers.values()} == {
        (200, "public, max-age=31536000, immutable")
    }
    assert {path: answer.content for path, answer in answers.items()} == {
        path: (ASSETS / Path(path).name).read_bytes() for path in named
    }


def test_no_file_is_larger_than_a_lambda_response() -> None:
    assert {
        path.name: path.stat().st_size for path in ASSETS.iterdir() if path.stat().st_size > 4_000_000
    } == {}


def test_a_missing_file_is_an_error_in_studios_shape() -> None:
    answer = http().get("/api/docs/nothing.js")

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "There is no file nothing.js", "code": "not_found"},
    )


def test_the_licences_of_the_viewer_are_included() -> None:
    text = http().get("/api/docs/LICENSES.txt").text

    assert text.startswith("swagger-ui-dist ")
    assert "Apache License" in text
