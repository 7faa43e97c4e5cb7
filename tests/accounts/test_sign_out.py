"""POST /api/auth/sign-out: the session ends at once; the request is idempotent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from functions.sign_out.handler import app
from tests.given.answers import outcome
from tests.given.people import (
    COOKIE,
    FOREIGN_ORIGIN,
    GET_SESSION,
    SIGN_OUT,
    UNAUTHORIZED,
    PersonWithPassword,
    call_over_https,
)
from tests.given.tenants import Client

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

DONE = (200, {"success": True})
DELETED_COOKIES = [
    f"{COOKIE}=; HttpOnly; Path=/; Max-Age=0; SameSite=Lax",
    "activeTeamId=; Max-Age=0; Path=/; SameSite=Lax",
]
CHANGE = {"currentPassword": "a wrong password", "newPassword": "another password"}


def test_a_session_ends_at_once_and_signing_out_is_idempotent() -> None:
    someone = PersonWithPassword.new()

    first, second = someone.client.post(SIGN_OUT), someone.client.post(SIGN_OUT)

    assert (outcome(first), outcome(second)) == (DONE, DONE)
    assert first.headers.get_list("set-cookie") == second.headers.get_list("set-cookie") == DELETED_COOKIES
    assert outcome(someone.client.post("/api/auth/change-password", json=CHANGE)) == UNAUTHORIZED
    assert someone.client.get(GET_SESSION).json() is None


def test_a_browser_signs_out_by_its_cookie() -> None:
    someone = PersonWithPassword.new()
    cookie = {"cookie": f"{COOKIE}={someone.token}", "origin": os.environ["API_URL"]}

    answer = Client(None).post(SIGN_OUT, headers=cookie)

    assert outcome(answer) == DONE
    assert Client(None).get(GET_SESSION, headers=cookie).json() is None


def test_only_the_presented_session_ends() -> None:
    someone = PersonWithPassword.new()
    other = Client(None, token=someone.sign_in().json()["token"])

    someone.client.post(SIGN_OUT)

    assert other.get(GET_SESSION).json()["user"]["email"] == someone.email


def test_the_sessions_of_both_presented_tokens_end() -> None:
    someone = PersonWithPassword.new()
    other = someone.sign_in().json()["token"]

    someone.client.post(SIGN_OUT, headers={"cookie": f"{COOKIE}={other}"})

    assert [Client(None, token=token).get(GET_SESSION).json() for token in (someone.token, other)] == [
        None,
        None,
    ]


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer nonsense"}, {"cookie": f"{COOKIE}=nonsense"}, {"cookie": f"{COOKIE}="}],
)
def test_signing_out_without_a_session_succeeds(headers: dict[str, str]) -> None:
    answer = Client(None).post(SIGN_OUT, headers=headers)

    assert outcome(answer) == DONE
    assert answer.headers.get_list("set-cookie") == DELETED_COOKIES


def test_an_api_key_stays_valid(tenant: Tenant) -> None:
    key = str(tenant.studio.key)

    answers = [
        tenant.studio.post(SIGN_OUT),
        Client(None).post(SIGN_OUT, headers={"authorization": f"Bearer {key}"}),
    ]

    assert [outcome(answer) for answer in answers] == [DONE, DONE]
    assert tenant.studio.get("/api/me").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_page_of_another_origin_cannot_sign_out(origin: str) -> None:
    someone = PersonWithPassword.new()

    answer = Client(None).post(SIGN_OUT, headers={"cookie": f"{COOKIE}={someone.token}", "origin": origin})

    assert outcome(answer) == FOREIGN_ORIGIN
    assert answer.headers.get_list("set-cookie") == []
    assert someone.client.get(GET_SESSION).json()["user"]["email"] == someone.email


def test_over_https_the_secure_cookies_are_deleted(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("ORIGIN", "")
    someone, other = PersonWithPassword.new(), PersonWithPassword.new()
    headers = {"cookie": f"__Secure-{COOKIE}={someone.token}; {COOKIE}={other.token}"}

    answer = call_over_https(app, "POST", SIGN_OUT, headers=headers)

    assert answer.headers.get_list("set-cookie") == [
        f"__Secure-{COOKIE}=; HttpOnly; Path=/; Max-Age=0; SameSite=Lax; Secure",
        "activeTeamId=; Max-Age=0; Path=/; SameSite=Lax; Secure",
    ]
    assert someone.client.get(GET_SESSION).json() is None
    # over HTTPS another host may have set a cookie of that name
    assert other.client.get(GET_SESSION).json()["user"]["email"] == other.email
