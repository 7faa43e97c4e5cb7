"""POST /api/auth/change-password: the new password replaces the old, and other sessions end on request."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.people import (
    CHANGE_PASSWORD,
    COOKIE,
    GET_SESSION,
    NOT_RECOGNIZED,
    PASSWORD,
    UNAUTHORIZED,
    PersonWithPassword,
    cookies,
    field_issue,
    rejected,
    select_as_owner,
)
from tests.given.tenants import Client
from vitrine import credentials
from vitrine.errors import InvalidCredentials
from vitrine.library import people, sessions

if TYPE_CHECKING:
    import httpx
    import psycopg

    from tests.given.tenants import Tenant

NEW = "a new password of mine"
WRONG = rejected(
    400, "invalid_password", "Invalid password", **field_issue("currentPassword", "Invalid password")
)


def change(client: Client, current: str = PASSWORD, new: str = NEW, **more: Any) -> httpx.Response:
    return client.post(CHANGE_PASSWORD, json={"currentPassword": current, "newPassword": new, **more})


def test_the_new_password_replaces_the_old_one() -> None:
    someone = PersonWithPassword.new()

    answer = change(someone.client)

    assert outcome(answer) == (200, {"token": None, "user": someone.shown()})
    assert cookies(answer) == []
    assert someone.sign_in(NEW).status_code == 200
    assert outcome(someone.sign_in(PASSWORD)) == NOT_RECOGNIZED
    assert someone.client.get(GET_SESSION).json()["user"] == someone.shown()


def test_other_sessions_end_only_on_request() -> None:
    someone, stranger = PersonWithPassword.new(), PersonWithPassword.new()
    other = Client(None, token=someone.sign_in().json()["token"])

    change(someone.client)
    after_the_first = other.get(GET_SESSION).json()
    change(someone.client, NEW, PASSWORD, revokeOtherSessions=True)

    assert after_the_first["user"] == someone.shown()
    assert outcome(change(other)) == UNAUTHORIZED
    assert someone.client.get(GET_SESSION).json()["user"] == someone.shown()
    assert stranger.client.get(GET_SESSION).json()["user"] == stranger.shown()


def test_a_wrong_current_password_changes_nothing() -> None:
    someone = PersonWithPassword.new()
    other = Client(None, token=someone.sign_in().json()["token"])

    assert outcome(change(someone.client, "a wrong one", revokeOtherSessions=True)) == WRONG

    assert someone.sign_in().status_code == 200
    assert other.get(GET_SESSION).json()["user"] == someone.shown()


def test_a_person_without_a_password_receives_the_same_error(tenant: Tenant) -> None:
    assert outcome(change(tenant.signed_in())) == WRONG
    assert select_as_owner("select password_hash from users where id = %s", tenant.owner.user_id) == [(None,)]


@pytest.mark.parametrize(
    ("current", "new", "rejection"),
    [
        (
            PASSWORD,
            "1234567",
            rejected(
                400,
                "password_too_short",
                "Password too short",
                **field_issue("newPassword", "Must have at least 8 characters"),
            ),
        ),
        (
            PASSWORD,
            "x" * 129,
            rejected(
                400,
                "password_too_long",
                "Password too long",
                **field_issue("newPassword", "Must have at most 128 characters"),
            ),
        ),
        (
            "x" * 129,
            NEW,
            rejected(
                400,
                "password_too_long",
                "Password too long",
                **field_issue("currentPassword", "Must have at most 128 characters"),
            ),
        ),
        (PASSWORD, f"{NEW}\0", rejected(400, "invalid", "A text holds a character that cannot be stored")),
    ],
)
def test_an_invalid_password_is_rejected(current: str, new: str, rejection: object) -> None:
    someone = PersonWithPassword.new()

    assert outcome(change(someone.client, current, new)) == rejection
    assert someone.sign_in().status_code == 200


def test_an_api_key_cannot_change_the_password(tenant: Tenant) -> None:
    assert outcome(change(tenant.studio)) == rejected(
        403, "session_required", "This takes a signed-in person; an API key cannot do it"
    )


def test_an_anonymous_request_cannot_change_a_password() -> None:
    assert outcome(change(Client(None))) == UNAUTHORIZED


@pytest.mark.parametrize(
    ("origin", "status"), [("ours", 200), (None, 403), ("https://evil.example", 403), ("null", 403)]
)
@pytest.mark.sampled(2)
def test_a_cookie_changes_the_password_only_from_a_page_of_the_same_origin(
    origin: str | None, status: int
) -> None:
    someone = PersonWithPassword.new()
    page = {} if origin is None else {"origin": os.environ["API_URL"] if origin == "ours" else origin}

    answer = Client(None).post(
        CHANGE_PASSWORD,
        json={"currentPassword": PASSWORD, "newPassword": NEW},
        headers={"cookie": f"{COOKIE}={someone.token}", **page},
    )

    assert answer.status_code == status
    assert someone.sign_in(NEW if status == 200 else PASSWORD).status_code == 200


def test_of_concurrent_changes_one_succeeds() -> None:
    someone = PersonWithPassword.new()
    words = [f"password number {n}" for n in range(4)]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda word: change(someone.client, new=word), words))

    changed = [word for word, answer in zip(words, answers, strict=True) if answer.status_code == 200]
    conflict = rejected(409, "conflict", "The password was changed at the same time")
    assert len(changed) == 1
    assert all(outcome(answer) in (conflict, WRONG) for answer in answers if answer.status_code != 200)
    assert [someone.sign_in(word).status_code for word in words if word in changed] == [200]


def test_a_session_opened_by_the_old_password_does_not_outlive_its_change() -> None:
    someone = PersonWithPassword.new()
    known = people.sign_in(someone.email, PASSWORD, subnet="127.0.0.1")  # verified, and no session yet

    with ThreadPoolExecutor(1) as threads, owner() as changing:
        changing.execute(
            "update users set password_hash = %s where id = %s", [credentials.hash_password(NEW), known.id]
        )
        opening = threads.submit(
            sessions.start, known.id, address="", user_agent="", known_hash=known.password_hash
        )
        wait_until_blocking(changing)
        changing.commit()
        with pytest.raises(InvalidCredentials):
            opening.result()

    with owner() as connection:
        # the session opened by signing up
        assert connection.execute(
            "select count(*) as n from sessions where user_id = %s", [known.id]
        ).fetchone() == {"n": 1}
    assert someone.sign_in(NEW).status_code == 200


def wait_until_blocking(connection: psycopg.Connection[dict[str, object]]) -> None:
    """Return once a transaction waits for a lock of this connection."""
    query = "select count(*) as n from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"
    until = time.monotonic() + 10
    while connection.execute(query).fetchone() == {"n": 0}:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_api_keys_stay_valid(tenant: Tenant) -> None:
    studio = tenant.studio

    change(tenant.signed_in(), revokeOtherSessions=True)

    assert studio.get("/api/me").status_code == 200
