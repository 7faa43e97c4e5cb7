"""The search of the logs for secrets finds each kind of secret, in whatever format a process wrote it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.given import minted
from vitrine.credentials import mint_api_key, mint_id, mint_session_token, mint_token

if TYPE_CHECKING:
    from collections.abc import Callable

KEY, TOKEN, LINK = mint_api_key(), mint_session_token(), mint_token()
ITEM = mint_id().hex


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stack, for this test alone."""
    monkeypatch.setenv(minted.NOTES, str(tmp_path / "noted"))
    (tmp_path / "noted").touch()
    (tmp_path / "log").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f'{{"key": "{KEY}"}}', "an API key"),
        (f"GET /f/{ITEM}/{LINK} 302", "a permanent link"),
        ("PUT /vitrine/originals/x?X-Amz-Signature=0123", "a signature of a URL or form"),
        ('{"x-amz-signature": "0123"}', "a signature of a URL or form"),
        (f"Authorization: Bearer {TOKEN}", "a header of credentials"),
        (f"better-auth.session_token={TOKEN}", "a session's cookie"),
        ("connection to postgresql://vitrine_app:secret@127.0.0.1/x failed", "a database's password"),
    ],
    ids=["key", "link", "signed URL", "signed form", "header", "cookie", "database"],
)
def test_a_secret_is_found_by_its_pattern(folder: Path, line: str, kind: str) -> None:
    (folder / "log/api.log").write_text(f"nothing\n{line}\nnothing\n")

    assert minted.leaks(minted.logs_of(folder)) == [f"api.log, line 2, contains {kind}"]


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        "a password with spaces",
        'Größe, "quoted"',
        "WDJB-MJHT-QXYZ",
    ],
    ids=["token", "spaces", "quotes", "code"],
)
def test_a_noted_secret_is_found_in_every_format(folder: Path, secret: str) -> None:
    minted.note(secret)
    (folder / "log/worker.log").write_text(f"a line with {secret}\n" + json.dumps({"message": secret}) + "\n")

    assert minted.leaks(minted.logs_of(folder)) == [
        f"worker.log, line {number}, contains a secret of this run" for number in (1, 2)
    ]


def test_ids_and_prefixes_are_no_secrets(folder: Path) -> None:
    minted.note(TOKEN, "short")
    (folder / "log/api.log").write_text(
        f"GET /f/{ITEM}/{{token}} 302 12 ms {mint_id().hex}\nshort\n"
        f"key_prefix sk_live_01234567\nincoming/{ITEM}\n"
    )

    assert minted.leaks(minted.logs_of(folder)) == []


def test_secrets_in_requests_and_answers_are_noted(folder: Path) -> None:
    answered = {
        "user": {"id": ITEM},
        "token": "an answered token",
        "url": f"http://x/f/{ITEM}/{LINK}",
        "code": "insufficient_scope",
    }

    def app(_: object, start: Callable[[str, list[tuple[str, str]]], object]) -> list[bytes]:
        start(
            "200 OK",
            [
                ("content-type", "application/json"),
                ("set-cookie", "better-auth.session_token=an-answered-cookie; Path=/"),
            ],
        )
        return [json.dumps(answered).encode()]

    headers = {
        "authorization": f"Bearer {TOKEN}",
        "x-api-key": KEY,
        "cookie": "activeTeamId=an-ordinary-cookie; session_token=a-sent-cookie",
    }
    body = {
        "password": "a long password",
        "deep": [{"userCode": "ABCD-EFGH-IJKL"}],
        "name": "An ordinary name",
    }
    with httpx.Client(transport=httpx.WSGITransport(app), event_hooks=minted.HOOKS) as client:
        client.post("http://x/?token=a-token-of-the-query", json=body, headers=headers)

    assert {json.loads(line) for line in (folder / "noted").read_text().splitlines()} == {
        TOKEN,
        KEY,
        LINK,
        "a-token-of-the-query",
        "a long password",
        "ABCD-EFGH-IJKL",
        "a-sent-cookie",
        "an answered token",
        "an-answered-cookie",
    }


def test_the_other_fields_of_a_log_record_are_searched_too(folder: Path) -> None:
    log = logging.Logger("vitrine")  # not a child of the root logger
    log.addHandler(minted.RecordHandler(folder / "log/tests-1.log"))

    log.info("request", extra={"key": KEY})
    try:
        raise ValueError(KEY)
    except ValueError:
        log.exception("internal error")

    assert minted.leaks(minted.logs_of(folder)) == [
        f"tests-1.log, line {number}, contains an API key" for number in (1, 2)
    ]


def test_logs_are_searched_before_their_stack_is_deleted(folder: Path) -> None:
    (folder / "log/s3.log").write_text(f"{KEY}\n")

    minted.record_leaks(folder)

    assert minted.recorded_leaks().read_text() == f"{folder.name}: s3.log, line 1, contains an API key\n"
