"""POST /api/auth/device/code"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from tests.given.devices import SCOPE, begin_login
from tests.given.isolation_cases import owner
from tests.given.loops import call
from tests.given.shapes import TOO_MANY
from tests.given.tenants import Client, http
from vitrine.credentials import fingerprint, mint_device_code, mint_id
from vitrine.db import write
from vitrine.models.people import Nobody
from vitrine.queries import devices
from vitrine.settings import settings

PATH = "/api/auth/device/code"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def rejected(sentence: str, error: str = "invalid_request") -> tuple[int, dict[str, str]]:
    return 400, {"error": error, "error_description": sentence, "message": sentence}


def test_a_device_receives_its_codes_and_the_verification_uri() -> None:
    answer = begin_login()

    answered = answer.json()
    device_code, user_code = answered["device_code"], answered["user_code"]
    assert (answer.status_code, answered) == (
        200,
        {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": f"{os.environ['API_URL']}/device",
            "verification_uri_complete": f"{os.environ['API_URL']}/device?user_code={user_code}",
            "expires_in": 1800,
            "interval": 5,
        },
    )
    assert re.fullmatch("[a-zA-Z0-9]{40}", device_code)
    assert re.fullmatch("[ABCDEFGHJKLMNPQRSTUVWXYZ23456789]{8}", user_code)
    assert answer.headers["cache-control"] == "no-store"


def test_no_two_logins_share_a_code() -> None:
    answered = [begin_login().json() for _ in range(50)]

    assert (
        len({each["device_code"] for each in answered}) == len({each["user_code"] for each in answered}) == 50
    )


def test_only_the_hash_of_the_device_code_is_stored() -> None:
    answered = begin_login().json()

    with owner() as connection:
        kept = connection.execute(
            "select * from device_codes where user_code = %s", [answered["user_code"]]
        ).fetchone()

    assert kept is not None
    assert kept["device_code_hash"] == fingerprint(answered["device_code"])
    assert answered["device_code"] not in str(kept)
    assert (kept["client_id"], kept["scope"], kept["status"], kept["user_id"], kept["polled_at"]) == (
        "coreviz-cli",
        SCOPE,
        "pending",
        None,
        None,
    )
    assert (kept["expires_at"] - kept["created_at"]).total_seconds() == 1800


def test_a_user_code_in_use_is_not_issued_again() -> None:
    used: str = begin_login().json()["user_code"]

    opened = write(
        Nobody(), devices.put(mint_id(), fingerprint(mint_device_code()), used, "another", "", 60, 5)
    )

    assert [each.opened for each in opened] == [False]
    assert http().get("/api/auth/device", params={"user_code": used}).json()["clientId"] == "coreviz-cli"


@pytest.mark.parametrize(
    "content",
    ["client_id=a+tool&scope=openid%20email", "scope=&client_id=a%20tool", "client_id=x&client_id=a+tool"],
)
def test_a_form_is_read_like_json(content: str) -> None:
    answer = http().post(PATH, content=content, headers=FORM)

    waiting = http().get("/api/auth/device", params={"user_code": answer.json()["user_code"]}).json()
    assert (answer.status_code, waiting["clientId"]) == (200, "a tool")
    assert waiting["scope"] == ("openid email" if "openid" in content else "")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "client_id: Required"),
        ({"client_id": ""}, "client_id: Must have at least 1 character"),
        ({"client_id": "x" * 101}, "client_id: Must have at most 100 characters"),
        ({"client_id": 1}, "client_id: Must be a string"),
        ({"client_id": None}, "client_id: Must be a string"),
        ({"client_id": "a\u202etool"}, "client_id: Is not in the right form"),
        ({"client_id": "a\ntool"}, "client_id: Is not in the right form"),
        ({"client_id": "a\x00tool"}, "A text holds a character that cannot be stored"),
        ({"client_id": "x", "scope": "x" * 256}, "scope: Must have at most 255 characters"),
        ({"client_id": "x", "scope": ["openid"]}, "scope: Must be a string"),
        ([], "body: Must be an object"),
    ],
)
def test_an_invalid_client_id_or_scope_is_rejected(body: Any, sentence: str) -> None:
    answer = http().post(PATH, json=body)

    assert (answer.status_code, answer.json()) == rejected(sentence)


@pytest.mark.parametrize(
    "body", [{"client_id": "x" * 100, "scope": "s" * 255}, {"client_id": "~", "scope": "", "more": 1}]
)
def test_values_at_each_limit_are_accepted(body: dict[str, Any]) -> None:
    assert http().post(PATH, json=body).status_code == 200


@pytest.mark.parametrize(
    "content", [b"client_id", b"client_id=%ff", b"client_id=\xff", b"&".join([b"a=b"] * 101)]
)
def test_a_malformed_form_is_rejected(content: bytes) -> None:
    answer = http().post(PATH, content=content, headers=FORM)

    assert (answer.status_code, answer.json()) == rejected("The body is not the fields of a form")


def test_a_form_with_a_nul_character_is_rejected() -> None:
    answer = http().post(PATH, content=b"client_id=a%00b", headers=FORM)

    assert (answer.status_code, answer.json()) == rejected("A text holds a character that cannot be stored")


def test_malformed_json_is_rejected() -> None:
    answer = http().post(PATH, content=b"client_id=x", headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()) == rejected("The body is not valid JSON")


def test_another_method_is_rejected_in_the_same_shape() -> None:
    answer = http().get(PATH)

    sentence = "GET is not allowed here; OPTIONS, POST is"
    assert (answer.status_code, answer.json()) == (
        405,
        {"error": "method_not_allowed", "error_description": sentence, "message": sentence},
    )


def test_invalid_credentials_are_ignored() -> None:
    assert Client("nonsense").post(PATH, json={"client_id": "x"}).status_code == 200


def test_logins_are_rate_limited_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.create_device_code.handler import app

    monkeypatch.setenv("DEVICE_LIMIT", "2")
    settings.cache_clear()
    address = f"2001:db8:{os.getpid() % 65536:x}:{mint_id().int % 65536:x}::1"  # of this test alone

    try:
        answers = [call(app, "POST", PATH, json={"client_id": "x"}, address=address) for _ in range(3)]
        elsewhere = call(app, "POST", PATH, json={"client_id": "x"}, address=address.replace("2001", "2002"))
    finally:
        settings.cache_clear()

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    sentence = TOO_MANY
    assert answers[2].json() == {"error": "rate_limited", "error_description": sentence, "message": sentence}
    assert 1 <= int(answers[2].headers["retry-after"]) <= 900
    assert elsewhere.status_code == 200
