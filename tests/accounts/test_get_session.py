"""GET /api/auth/get-session: who is signed in, or null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.given.answers import outcome
from tests.given.people import (
    COOKIE,
    GET_SESSION,
    PASSWORD,
    PersonWithPassword,
    cookies,
    execute_as_owner,
    select_as_owner,
)
from tests.given.shapes import A_TIME, AN_ID
from tests.given.tenants import Client
from vitrine.library import organizations

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def shown(someone: PersonWithPassword, **more: Any) -> dict[str, Any]:
    session = {
        "id": AN_ID,
        "userId": someone.id,
        "expiresAt": A_TIME,
        "createdAt": A_TIME,
        "updatedAt": A_TIME,
        "ipAddress": "127.0.0.1",
        "userAgent": Client(None).get(GET_SESSION).request.headers["user-agent"],
        "activeOrganizationId": None,
    }
    return {"session": {**session, **more}, "user": someone.shown()}


def test_the_session_and_its_person_are_shown() -> None:
    someone = PersonWithPassword.signed_up(PASSWORD)

    by_bearer = someone.client.get(GET_SESSION)
    by_cookie = Client(None).get(GET_SESSION, headers={"cookie": f"{COOKIE}={someone.token}"})

    assert outcome(by_bearer) == outcome(by_cookie) == (200, shown(someone))
    assert someone.token not in by_bearer.text + by_cookie.text


def test_the_active_organization_is_shown(tenant: Tenant) -> None:
    someone = PersonWithPassword.signed_up(PASSWORD)
    organizations.add_member(tenant.id, UUID(someone.id), "viewer")
    execute_as_owner(
        "update sessions set active_organization_id = %s where user_id = %s", tenant.id, someone.id
    )

    assert outcome(someone.client.get(GET_SESSION)) == (
        200,
        shown(someone, activeOrganizationId=tenant.id.hex),
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Bearer"},
        {"cookie": f"{COOKIE}=nonsense"},
        {"cookie": f"{COOKIE}="},
    ],
)
def test_without_a_session_the_answer_is_null(headers: dict[str, str]) -> None:
    answer = Client(None).get(GET_SESSION, headers=headers)

    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (
        200,
        "null",
        "application/json",
    )


def test_an_api_key_is_no_session(tenant: Tenant) -> None:
    key = str(tenant.studio.key)

    answers = [
        tenant.studio.get(GET_SESSION),
        Client(None).get(GET_SESSION, headers={"authorization": f"Bearer {key}"}),
    ]

    assert [outcome(answer) for answer in answers] == [(200, None)] * 2


def test_the_first_valid_token_counts() -> None:
    someone, other = PersonWithPassword.new(), PersonWithPassword.new()

    def email(bearer: str, cookie: str) -> object:
        answer = Client(None).get(
            GET_SESSION, headers={"authorization": f"Bearer {bearer}", "cookie": f"{COOKIE}={cookie}"}
        )
        return answer.json()["user"]["email"]

    assert [
        email(someone.token, other.token),
        email("nonsense", other.token),
        email(someone.token, "nonsense"),
    ] == [
        someone.email,
        other.email,
        someone.email,
    ]


def test_reading_the_session_extends_it_and_its_cookie() -> None:
    someone = PersonWithPassword.new()
    execute_as_owner(
        "update sessions set expires_at = now() + interval '2 days' where user_id = %s", someone.id
    )

    answer = Client(None).get(GET_SESSION, headers={"cookie": f"{COOKIE}={someone.token}"})

    assert select_as_owner(
        "select expires_at > now() + interval '6 days 23 hours' from sessions where user_id = %s", someone.id
    ) == [(True,)]
    assert cookies(answer) == [f"{COOKIE}=...; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"]


def test_only_a_lasting_cookie_is_sent_again() -> None:
    someone = PersonWithPassword.new()
    short = someone.sign_in(rememberMe=False).json()["token"]

    assert cookies(someone.client.get(GET_SESSION)) == []
    assert cookies(Client(None).get(GET_SESSION, headers={"cookie": f"{COOKIE}={short}"})) == []
    assert (
        cookies(Client(None, token=someone.token).get(GET_SESSION, headers={"cookie": f"{COOKIE}={short}"}))
        == []
    )


def test_an_unremembered_session_ends_after_a_day_whatever_is_requested() -> None:
    someone = PersonWithPassword.new()
    short = Client(None, token=someone.sign_in(rememberMe=False).json()["token"])
    execute_as_owner(
        "update sessions set expires_at = now() + interval '1 hour' where user_id = %s", someone.id
    )

    assert short.get(GET_SESSION).status_code == 200

    assert select_as_owner(
        """
        select expires_at < now() + interval '2 hours'
          from sessions
         where user_id = %s and life_seconds = 86400
        """,
        someone.id,
    ) == [(True,)]


def test_a_page_of_another_origin_cannot_read_the_session() -> None:
    someone = PersonWithPassword.new()

    answer = Client(None).get(
        GET_SESSION, headers={"cookie": f"{COOKIE}={someone.token}", "origin": "https://evil.example"}
    )

    assert "access-control-allow-origin" not in answer.headers
