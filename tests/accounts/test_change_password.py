"""POST /api/auth/change-password: the new one opens, the old one no more, and other sessions end when
that is wanted.
"""

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
    Someone,
    about,
    cookies,
    look,
    rejected,
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
WRONG = rejected(400, "invalid_password", "Invalid password", **about("currentPassword", "Invalid password"))


def change(client: Client, current: str = PASSWORD, new: str = NEW, **more: Any) -> httpx.Response:
    return client.post(CHANGE_PASSWORD, json={"currentPassword": current, "newPassword": new, **more})


def test_the_new_password_opens_and_the_old_one_no_more() -> None:
    someone = Someone.new()

    answer = change(someone.client)

    assert outcome(answer) == (200, {"token": None, "user": someone.shown()})
    assert cookies(answer) == []
    assert someone.sign_in(NEW).status_code == 200
    assert outcome(someone.sign_in(PASSWORD)) == NOT_RECOGNIZED
    assert someone.client.get(GET_SESSION).json()["user"] == someone.shown()


def test_other_sessions_go_on_unless_they_are_to_end() -> None:
    someone, stranger = Someone.new(), Someone.new()
    other = Client(None, token=someone.sign_in().json()["token"])

    change(someone.client)
    after_the_first = other.get(GET_SESSION).json()
    change(someone.client, NEW, PASSWORD, revokeOtherSessions=True)

    assert after_the_first["user"] == someone.shown()
    assert outcome(change(other)) == UNAUTHORIZED
    assert someone.client.get(GET_SESSION).json()["user"] == someone.shown()
    assert stranger.client.get(GET_SESSION).json()["user"] == stranger.shown()


def test_who_does_not_know_the_current_password_changes_nothing() -> None:
    someone = Someone.new()
    other = Client(None, token=someone.sign_in().json()["token"])

    assert outcome(change(someone.client, "a wrong one", revokeOtherSessions=True)) == WRONG

    assert someone.sign_in().status_code == 200
    assert other.get(GET_SESSION).json()["user"] == someone.shown()


def test_who_has_no_password_is_told_the_same(tenant: Tenant) -> None:
    assert outcome(change(tenant.signed_in())) == WRONG
    assert look("select password_hash from users where id = %s", tenant.owner.user_id) == [(None,)]


@pytest.mark.parametrize(
    ("current", "new", "refusal"),
    [
        (
            PASSWORD,
            "1234567",
            rejected(
                400,
                "password_too_short",
                "Password too short",
                **about("newPassword", "Must have at least 8 characters"),
            ),
        ),
        (
            PASSWORD,
            "x" * 129,
            rejected(
                400,
                "password_too_long",
                "Password too long",
                **about("newPassword", "Must have at most 128 characters"),
            ),
        ),
        (
            "x" * 129,
            NEW,
            rejected(
                400,
                "password_too_long",
                "Password too long",
                **about("currentPassword", "Must have at most 128 characters"),
            ),
        ),
        (PASSWORD, f"{NEW}\0", rejected(400, "invalid", "A text holds a character that cannot be stored")),
    ],
)
def test_what_cannot_be_a_password_is_refused(current: str, new: str, rejection: object) -> None:
    someone = Someone.new()

    assert outcome(change(someone.client, current, new)) == rejection
    assert someone.sign_in().status_code == 200


def test_a_key_changes_no_password(tenant: Tenant) -> None:
    assert outcome(change(tenant.studio)) == rejected(
        403, "session_required", "This takes a signed-in person; an API key cannot do it"
    )


def test_nobody_changes_no_password() -> None:
    assert outcome(change(Client(None))) == UNAUTHORIZED


@pytest.mark.parametrize(
    ("origin", "status"), [("ours", 200), (None, 403), ("https://evil.example", 403), ("null", 403)]
)
@pytest.mark.sampled(2)
def test_a_browser_changes_it_from_our_pages_only(origin: str | None, status: int) -> None:
    someone = Someone.new()
    page = {} if origin is None else {"origin": os.environ["API_URL"] if origin == "ours" else origin}

    answer = Client(None).post(
        CHANGE_PASSWORD,
        json={"currentPassword": PASSWORD, "newPassword": NEW},
        headers={"cookie": f"{COOKIE}={someone.token}", **page},
    )

    assert answer.status_code == status
    assert someone.sign_in(NEW if status == 200 else PASSWORD).status_code == 200


def test_of_those_who_change_it_at_once_one_does() -> None:
    someone = Someone.new()
    words = [f"password number {n}" for n in range(4)]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda word: change(someone.client, new=word), words))

    changed = [word for word, answer in zip(words, answers, strict=True) if answer.status_code == 200]
    conflict = rejected(409, "conflict", "The password was changed at the same time")
    assert len(changed) == 1
    assert all(outcome(answer) in (conflict, WRONG) for answer in answers if answer.status_code != 200)
    assert [someone.sign_in(word).status_code for word in words if word in changed] == [200]


def test_a_session_opened_by_the_old_password_does_not_outlive_its_change() -> None:
    someone = Someone.new()
    known = people.sign_in(someone.email, PASSWORD, subnet="127.0.0.1")  # verified, and no session yet

    with ThreadPoolExecutor(1) as threads, owner() as changing:
        changing.execute(
            "update users set password_hash = %s where id = %s", [credentials.hash_password(NEW), known.id]
        )
        opening = threads.submit(
            sessions.start, known.id, address="", user_agent="", known_hash=known.password_hash
        )
        waiting(changing)
        changing.commit()
        with pytest.raises(InvalidCredentials):
            opening.result()

    with owner() as connection:
        # that of signing up
        assert connection.execute(
            "select count(*) as n from sessions where user_id = %s", [known.id]
        ).fetchone() == {"n": 1}
    assert someone.sign_in(NEW).status_code == 200


def waiting(connection: psycopg.Connection[dict[str, object]]) -> None:
    """Returns once somebody waits for a lock that this connection holds."""
    query = "select count(*) as n from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"
    until = time.monotonic() + 10
    while connection.execute(query).fetchone() == {"n": 0}:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_keys_go_on(tenant: Tenant) -> None:
    studio = tenant.studio

    change(tenant.signed_in(), revokeOtherSessions=True)

    assert studio.get("/api/me").status_code == 200
