"""GET /api/auth/device"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.given.devices import SCOPE, Terminal, begin_login
from tests.given.isolation_cases import owner
from tests.given.loops import call
from tests.given.shapes import TOO_MANY
from tests.given.tenants import http
from vitrine.credentials import mint_id
from vitrine.settings import settings

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

PATH = "/api/auth/device"


def rejected(error: str, sentence: str) -> tuple[int, dict[str, str]]:
    return 400, {"error": error, "error_description": sentence, "message": sentence}


def look(code: str) -> tuple[int, Any]:
    answer: httpx.Response = http().get(PATH, params={"user_code": code})
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


def test_a_pending_login_is_shown_with_its_client() -> None:
    code: str = begin_login("a tool").json()["user_code"]

    assert look(code) == (200, {"user_code": code, "status": "pending", "clientId": "a tool", "scope": SCOPE})


def test_a_user_code_may_have_dashes_spaces_and_small_letters() -> None:
    code: str = begin_login().json()["user_code"]

    typed = [
        code.lower(),
        f"{code[:4]}-{code[4:]}",
        f" {code[:4]} {code[4:]}\t",
        f"{code[:2]}--{code[2:]}",
        f"{code[:4]}\u2013{code[4:]}".lower(),
    ]

    assert [look(each) for each in typed] == [look(code)] * len(typed)


def test_letters_beyond_ascii_do_not_match_a_code() -> None:
    code: str = begin_login().json()["user_code"]
    with owner() as connection:
        connection.execute(
            "update device_codes set user_code = %s where user_code = %s", [f"S{code[1:]}", code]
        )

    answers = [look(f"{letter}{code[1:]}") for letter in ("s", "\u017f")]

    assert [status for status, _ in answers] == [200, 400]


@pytest.mark.parametrize(("decision", "status"), [("approve", "approved"), ("deny", "denied")])
def test_the_decision_is_shown(tenant: Tenant, decision: str, status: str) -> None:
    terminal = Terminal.begin()
    tenant.signed_in().post(f"/api/auth/device/{decision}", json={"userCode": terminal.user_code})

    assert look(terminal.user_code)[1]["status"] == status
    terminal.poll()
    assert look(terminal.user_code) == rejected("invalid_request", "Invalid user code")


def test_an_expired_code_is_rejected() -> None:
    terminal = Terminal.begin()
    with owner() as connection:
        connection.execute(
            "update device_codes set expires_at = now() where user_code = %s", [terminal.user_code]
        )

    assert look(terminal.user_code) == rejected("expired_token", "User code has expired")


@pytest.mark.parametrize("code", ["ABCD2345", "-", "'", "%", "________", "O0I1O0I1", "é", "x" * 40])
def test_an_unknown_code_is_rejected(code: str) -> None:
    assert look(code) == rejected("invalid_request", "Invalid user code")


def test_the_device_code_is_no_user_code() -> None:
    assert look(Terminal.begin().device_code) == rejected("invalid_request", "Invalid user code")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "user_code: Required"),
        ("?user_code=", "user_code: Required"),
        ("?userCode=ABCD2345", "user_code: Required"),
        ("?user_code=" + "x" * 41, "user_code: Must have at most 40 characters"),
        ("?user_code=%00", "A text holds a character that cannot be stored"),
    ],
)
def test_a_malformed_code_is_rejected(query: str, sentence: str) -> None:
    answer = http().get(PATH + query)

    assert (answer.status_code, answer.json()) == rejected("invalid_request", sentence)


def test_guesses_are_rate_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.get_device_code.handler import app

    terminal = Terminal.begin()
    monkeypatch.setenv("AUTH_LIMIT", "3")
    settings.cache_clear()
    address = f"2001:db8:{os.getpid() % 65536:x}:{mint_id().int % 65536:x}::1"  # of this test alone

    try:
        guesses = [
            call(app, path=f"{PATH}?user_code=ABCD234{n}", address=address).status_code for n in range(2, 5)
        ]
        answer = call(app, path=f"{PATH}?user_code={terminal.user_code}", address=address)
    finally:
        settings.cache_clear()

    sentence = TOO_MANY
    assert guesses == [400, 400, 400]
    assert (answer.status_code, answer.json()) == (
        429,
        {"error": "rate_limited", "error_description": sentence, "message": sentence},
    )
