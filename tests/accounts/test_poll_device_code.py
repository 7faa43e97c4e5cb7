"""POST /api/auth/device/token"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.accounts.test_change_password import wait_until_blocking
from tests.given.devices import CLIENT, SCOPE, Terminal, poll, poll_concurrently
from tests.given.isolation_cases import owner
from tests.given.people import CHANGE_PASSWORD, PASSWORD, SIGN_OUT, PersonWithPassword, execute_as_owner
from tests.given.tenants import Client, http
from vitrine.accounts.devices import GRANT
from vitrine.credentials import fingerprint
from vitrine.db import write
from vitrine.errors import Unauthorized
from vitrine.library import devices, operators, organizations
from vitrine.library import sessions as sessions_of
from vitrine.library.sessions import start
from vitrine.models.people import Nobody, Person
from vitrine.queries.sessions import end_others

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

PATH = "/api/auth/device/token"
Expected = tuple[int, dict[str, str]]
CONCURRENT = 20


def rejected(error: str, sentence: str) -> Expected:
    return 400, {"error": error, "error_description": sentence, "message": sentence}


PENDING = rejected("authorization_pending", "Authorization pending")
TOO_EARLY = rejected("slow_down", "Polling too frequently")
DENIED = rejected("access_denied", "Access denied")
EXPIRED = rejected("expired_token", "Device code has expired")
UNKNOWN = rejected("invalid_grant", "Invalid device code")


def outcome(answer: httpx.Response) -> tuple[int, Any]:
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


@pytest.fixture
def terminal() -> Terminal:
    return Terminal.begin()


def decide(person: Client, terminal: Terminal, decision: str = "approve") -> None:
    assert person.post(f"/api/auth/device/{decision}", json={"userCode": terminal.user_code}).json() == {
        "success": True
    }


def move_last_poll_back(terminal: Terminal, seconds: float) -> None:
    """Move the last poll `seconds` back."""
    with owner() as connection:
        connection.execute(
            "update device_codes set polled_at = polled_at - make_interval(secs => %s) where user_code = %s",
            [seconds, terminal.user_code],
        )


def expire(terminal: Terminal) -> None:
    with owner() as connection:
        connection.execute(
            "update device_codes set expires_at = expires_at - interval '1801 seconds' where user_code = %s",
            [terminal.user_code],
        )


def select_login(terminal: Terminal) -> dict[str, Any] | None:
    with owner() as connection:
        return connection.execute(
            "select * from device_codes where user_code = %s", [terminal.user_code]
        ).fetchone()


def count_sessions(tenant: Tenant) -> int:
    with owner() as connection:
        counted = connection.execute(
            "select count(*) as n from sessions where user_id = %s", [tenant.owner.user_id]
        ).fetchone()
    assert counted is not None
    count: int = counted["n"]
    return count


def test_a_poll_before_the_decision_is_pending(terminal: Terminal) -> None:
    assert outcome(terminal.poll()) == PENDING
    move_last_poll_back(terminal, 5)
    assert outcome(terminal.poll()) == PENDING


def test_an_early_poll_receives_slow_down_and_does_not_restart_the_interval(terminal: Terminal) -> None:
    assert outcome(terminal.poll()) == PENDING
    polled = (select_login(terminal) or {})["polled_at"]

    assert [outcome(terminal.poll()) for _ in range(3)] == [TOO_EARLY] * 3
    assert (select_login(terminal) or {})["polled_at"] == polled

    move_last_poll_back(terminal, 4)
    assert outcome(terminal.poll()) == TOO_EARLY
    move_last_poll_back(terminal, 1)
    assert outcome(terminal.poll()) == PENDING


def test_the_device_receives_a_session_of_the_person_who_approved(terminal: Terminal, tenant: Tenant) -> None:
    assert outcome(terminal.poll()) == PENDING
    decide(tenant.signed_in(), terminal)
    assert outcome(terminal.poll()) == TOO_EARLY
    move_last_poll_back(terminal, 5)

    status, body = outcome(terminal.poll())

    token = body["access_token"]
    assert (status, body) == (
        200,
        {"access_token": token, "token_type": "Bearer", "expires_in": 604800, "scope": SCOPE},
    )
    me = Client(None, token=token).get("/api/me")
    assert (me.status_code, me.json()["email"], me.json()["role"]) == (200, tenant.owner.email, "owner")
    assert select_login(terminal) is None


def test_the_session_has_the_devices_user_agent_and_lasts_a_week(terminal: Terminal, tenant: Tenant) -> None:
    decide(tenant.signed_in(), terminal)

    terminal.poll()

    with owner() as connection:
        counted = connection.execute(
            """
            select user_agent, life_seconds, expires_at > now() + interval '6 days' as is_fresh
              from sessions
             where user_id = %s
             order by id desc
             limit 1
            """,
            [tenant.owner.user_id],
        ).fetchone()
    assert counted == {"user_agent": "better-auth", "life_seconds": 604800, "is_fresh": True}


def test_a_code_opens_one_session(terminal: Terminal, tenant: Tenant) -> None:
    decide(tenant.signed_in(), terminal)
    before = count_sessions(tenant)

    answers = [terminal.poll() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 400, 400]
    assert [outcome(answer) for answer in answers[1:]] == [UNKNOWN] * 2
    assert count_sessions(tenant) == before + 1


def test_of_concurrent_polls_one_receives_the_session(terminal: Terminal, tenant: Tenant) -> None:
    decide(tenant.signed_in(), terminal)
    before = count_sessions(tenant)

    answers = poll_concurrently(terminal, [terminal.poll] * CONCURRENT)

    granted = [answer for answer in answers if answer.status_code == 200]
    assert len(granted) == 1
    assert [outcome(answer) for answer in answers if answer.status_code != 200] == [UNKNOWN] * (
        CONCURRENT - 1
    )
    assert count_sessions(tenant) == before + 1
    assert Client(None, token=granted[0].json()["access_token"]).get("/api/me").status_code == 200


def test_of_concurrent_polls_one_is_not_too_early(terminal: Terminal) -> None:
    answers = Counter(
        answer.json()["error"] for answer in poll_concurrently(terminal, [terminal.poll] * CONCURRENT)
    )

    assert answers == {"authorization_pending": 1, "slow_down": CONCURRENT - 1}


def test_polls_concurrent_with_the_decision_lose_no_session(tenant: Tenant) -> None:
    person = tenant.signed_in()
    for _ in range(10):
        terminal = Terminal.begin()
        with ThreadPoolExecutor(2) as threads:
            deciding, polling = threads.submit(decide, person, terminal), threads.submit(terminal.poll)
            deciding.result()
            first = polling.result()
        if first.status_code != 200:
            assert outcome(first) == PENDING
            move_last_poll_back(terminal, 5)
            assert terminal.poll().status_code == 200
        assert outcome(terminal.poll()) == UNKNOWN


def test_a_denial_is_reported_once(terminal: Terminal, tenant: Tenant) -> None:
    before = count_sessions(tenant)
    client = tenant.signed_in()
    decide(client, terminal, "deny")

    assert outcome(terminal.poll()) == DENIED
    assert outcome(terminal.poll()) == UNKNOWN
    assert select_login(terminal) is None
    assert count_sessions(tenant) == before + 1  # the session of the person who denied


@pytest.mark.parametrize("decision", [None, "approve", "deny"])
def test_an_expiry_is_reported_once_whatever_was_decided(
    terminal: Terminal, tenant: Tenant, decision: str | None
) -> None:
    if decision:
        decide(tenant.signed_in(), terminal, decision)
    before = count_sessions(tenant)
    expire(terminal)

    assert outcome(terminal.poll()) == EXPIRED
    assert outcome(terminal.poll()) == UNKNOWN
    assert select_login(terminal) is None
    assert count_sessions(tenant) == before


def test_a_code_of_another_client_is_rejected_and_stays_valid(terminal: Terminal, tenant: Tenant) -> None:
    decide(tenant.signed_in(), terminal)

    assert outcome(poll(terminal.device_code, client="another")) == rejected(
        "invalid_grant", "Client ID mismatch"
    )
    assert terminal.poll().status_code == 200


@pytest.mark.parametrize("code", ["0" * 40, "x", "'", "%", "é" * 40])
def test_an_unknown_code_is_rejected(code: str) -> None:
    assert outcome(poll(code)) == UNKNOWN


def test_neither_the_user_code_nor_the_hash_is_a_device_code(terminal: Terminal) -> None:
    kept = (select_login(terminal) or {})["device_code_hash"]

    assert [
        outcome(poll(code)) for code in (terminal.user_code, kept.hex(), terminal.device_code.swapcase())
    ] == [UNKNOWN] * 3


def body(**more: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in {"client_id": CLIENT, "device_code": "0" * 40, "grant_type": GRANT, **more}.items()
        if value is not ...
    }


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (
            body(grant_type="authorization_code"),
            rejected("unsupported_grant_type", f"The grant type must be {GRANT}"),
        ),
        (body(grant_type=...), rejected("invalid_request", "grant_type: Required")),
        (body(device_code=...), rejected("invalid_request", "device_code: Required")),
        (body(client_id=...), rejected("invalid_request", "client_id: Required")),
        (body(device_code=""), rejected("invalid_request", "device_code: Must have at least 1 character")),
        (
            body(device_code="x" * 101),
            rejected("invalid_request", "device_code: Must have at most 100 characters"),
        ),
        (
            body(client_id="x" * 101),
            rejected("invalid_request", "client_id: Must have at most 100 characters"),
        ),
        (body(device_code=1), rejected("invalid_request", "device_code: Must be a string")),
        (
            body(device_code="\x00"),
            rejected("invalid_request", "A text holds a character that cannot be stored"),
        ),
        ([], rejected("invalid_request", "body: Must be an object")),
    ],
)
def test_a_malformed_poll_is_rejected(content: Any, answer: Expected) -> None:
    assert outcome(http().post(PATH, json=content)) == answer


def test_a_poll_may_be_a_form(terminal: Terminal, tenant: Tenant) -> None:
    decide(tenant.signed_in(), terminal)

    answer = http().post(PATH, data=body(device_code=terminal.device_code))

    assert answer.request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert (answer.status_code, answer.json()["scope"]) == (200, SCOPE)


@pytest.mark.soak
def test_a_busy_service_does_not_end_the_login(terminal: Terminal, tenant: Tenant) -> None:
    decide(tenant.signed_in(), terminal)

    with owner() as connection:  # locks the row for longer than a function waits
        connection.execute("select from device_codes where user_code = %s for update", [terminal.user_code])
        answer = terminal.poll()

    assert outcome(answer) == rejected("slow_down", "Others are changing the same things; try again")
    assert terminal.poll().status_code == 200


def test_a_removed_person_gets_no_session(terminal: Terminal, tenant: Tenant) -> None:
    person = organizations.add_person(email=f"gone-{tenant.name}@example.org", name="Gone")
    decide(Client(None, token=start(person, address="127.0.0.1", user_agent="tests").token), terminal)
    with owner() as connection:
        connection.execute("delete from users where id = %s", [person])

    assert outcome(terminal.poll()) == UNKNOWN


def change_password(client: Client, *, others: bool) -> None:
    body = {"currentPassword": PASSWORD, "newPassword": PASSWORD, "revokeOtherSessions": others}
    assert client.post(CHANGE_PASSWORD, json=body).status_code == 200


@pytest.mark.parametrize(
    "how",
    [
        "password",
        "password elsewhere",
        "sign-out",
        "an operator's sign-out",
        "an operator's password",
        "too long ago",
    ],
)
@pytest.mark.sampled(3)
def test_an_approval_ends_with_the_persons_sessions(terminal: Terminal, how: str) -> None:
    someone, elsewhere, other, pending = (
        PersonWithPassword.new(),
        Terminal.begin(),
        PersonWithPassword.new(),
        Terminal.begin(),
    )
    second = Client(None, token=start(UUID(someone.id), address="127.0.0.1", user_agent="tests").token)
    decide(someone.client, terminal)
    decide(second, elsewhere)
    decide(other.client, others := Terminal.begin())

    match how:
        case "password":
            change_password(someone.client, others=True)
        case "password elsewhere":
            change_password(second, others=True)
        case "sign-out":
            someone.client.post(SIGN_OUT)
        case "an operator's sign-out":
            operators.sign_out(someone.email)
        case "an operator's password":
            operators.set_password(someone.email, "another password")
        case _:
            execute_as_owner(
                "update sessions set expires_at = now() where token_hash = %s", fingerprint(someone.token)
            )

    assert outcome(terminal.poll()) == UNKNOWN
    assert select_login(terminal) is None
    # sign-out and expiry end one session only
    assert elsewhere.poll().status_code == (200 if how in ("sign-out", "too long ago") else 400)
    assert others.poll().status_code == 200
    assert outcome(pending.poll()) == PENDING
    decide(other.client, pending)
    move_last_poll_back(pending, 5)
    assert pending.poll().status_code == 200


def test_a_password_change_that_ends_no_session_ends_no_approval(terminal: Terminal) -> None:
    someone = PersonWithPassword.new()
    decide(someone.client, terminal)

    change_password(someone.client, others=False)

    assert terminal.poll().status_code == 200


def test_a_session_that_has_ended_meanwhile_cannot_approve(terminal: Terminal) -> None:
    someone = PersonWithPassword.new()
    session = sessions_of.current([someone.token])
    assert session is not None
    person = Person(session.account.id, someone.email, "Somebody", None, None, session_id=session.id)
    someone.client.post(SIGN_OUT)

    for decision in (devices.approve, devices.deny):
        with pytest.raises(Unauthorized):
            decision(person, terminal.user_code)

    assert outcome(terminal.poll()) == PENDING


def test_a_poll_concurrent_with_the_end_of_all_sessions_leaves_no_session(terminal: Terminal) -> None:
    someone = PersonWithPassword.new()
    decide(someone.client, terminal)

    with owner() as connection, ThreadPoolExecutor(2) as threads:
        # the poll locks the code's row, then waits for the person's row to insert the session
        connection.execute("select from users where id = %s for update", [someone.id])
        polling = threads.submit(terminal.poll)
        wait_until_blocking(connection)
        ending = threads.submit(write, Nobody(), end_others(UUID(someone.id), None))
        time.sleep(0.2)
        connection.rollback()
        ending.result()
        granted = polling.result()

    token = granted.json().get("access_token")
    assert Client(None, token=token or "none").get("/api/auth/get-session").json() is None
    with owner() as connection:
        assert connection.execute(
            "select count(*) as n from sessions where user_id = %s", [someone.id]
        ).fetchone() == {"n": 0}


@pytest.mark.soak
def test_a_terminal_signs_in_from_end_to_end(tenant: Tenant) -> None:
    terminal = Terminal.begin()

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(terminal.wait)
        wait_until_polled(terminal)
        decide(tenant.signed_in(), terminal)
        session = waiting.result(30)

    assert set(session) == {"access_token", "token_type", "expires_in", "scope"}
    # the header of the published command-line tool after a login
    me = http().get(
        "/api/me", headers={"authorization": f"Bearer {session['access_token']}", "x-api-key": ""}
    )
    assert (me.status_code, me.json()["userId"]) == (200, tenant.owner.user_id.hex)


@pytest.mark.soak
def test_a_terminal_receives_access_denied(tenant: Tenant) -> None:
    terminal = Terminal.begin()
    decide(tenant.signed_in(), terminal, "deny")

    assert terminal.wait() == DENIED[1]


def wait_until_polled(terminal: Terminal) -> None:
    until = time.monotonic() + 20
    while (select_login(terminal) or {})["polled_at"] is None:
        assert time.monotonic() < until
        time.sleep(0.1)
