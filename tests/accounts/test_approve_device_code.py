"""POST /api/auth/device/approve. Errors that approving and denying share are tested for both here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.given.devices import Terminal, poll_concurrently
from tests.given.isolation_cases import UNKNOWN_KEY, owner
from tests.given.loops import call
from tests.given.shapes import TOO_MANY
from tests.given.tenants import Client, http
from vitrine.library import organizations, sessions
from vitrine.settings import settings

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

COOKIE = "better-auth.session_token"
both = pytest.mark.parametrize("decision", ["approve", "deny"])


def rejected(status: int, error: str, sentence: object) -> tuple[int, dict[str, object]]:
    return status, {"error": error, "error_description": sentence, "message": sentence}


UNAUTHORIZED = rejected(401, "unauthorized", "Missing or invalid authentication")
WRONG_ORIGIN = rejected(
    403,
    "origin_not_allowed",
    "A request that a browser's cookie signs must come from a page of this origin, or of an allowed one",
)


def outcome(answer: httpx.Response) -> tuple[int, Any]:
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


def decide(client: Client, decision: str, code: str, **headers: str) -> tuple[int, Any]:
    return outcome(client.post(f"/api/auth/device/{decision}", json={"userCode": code}, headers=headers))


def status(terminal: Terminal) -> Any:
    return http().get("/api/auth/device", params={"user_code": terminal.user_code}).json()["status"]


@pytest.fixture
def terminal() -> Terminal:
    return Terminal.begin()


def test_an_approved_login_has_the_status_approved(terminal: Terminal, tenant: Tenant) -> None:
    assert decide(tenant.signed_in(), "approve", terminal.user_code) == (200, {"success": True})
    assert status(terminal) == "approved"


def test_a_person_in_no_organization_can_approve_a_device(terminal: Terminal, tenant: Tenant) -> None:
    person = organizations.add_person(email=f"alone-{tenant.name}@example.org", name="Alone")
    alone = Client(None, token=sessions.start(person, address="127.0.0.1", user_agent="tests").token)

    assert decide(alone, "approve", terminal.user_code) == (200, {"success": True})
    token = terminal.poll().json()["access_token"]
    assert Client(None, token=token).get("/api/me").json()["code"] == "organization_required"


@both
def test_a_user_code_may_have_dashes_spaces_and_small_letters(
    terminal: Terminal, tenant: Tenant, decision: str
) -> None:
    typed = f" {terminal.user_code[:4]}-{terminal.user_code[4:]} ".lower()

    assert decide(tenant.signed_in(), decision, typed) == (200, {"success": True})


@both
@pytest.mark.parametrize("first", ["approve", "deny"])
def test_a_decided_login_cannot_be_decided_again(
    terminal: Terminal, tenant: Tenant, stranger: Tenant, first: str, decision: str
) -> None:
    assert decide(tenant.signed_in(), first, terminal.user_code)[0] == 200
    before = status(terminal)

    for person in (tenant, stranger):
        assert decide(person.signed_in(), decision, terminal.user_code) == rejected(
            400, "invalid_request", "Device code already processed"
        )
    assert status(terminal) == before


def test_of_concurrent_decisions_one_succeeds(terminal: Terminal, tenant: Tenant, stranger: Tenant) -> None:
    people = [
        (person.signed_in(), decision)
        for person in (tenant, stranger)
        for decision in ("approve", "deny")
        for _ in range(4)
    ]

    answers = poll_concurrently(
        terminal, [partial(decide, client, decision, terminal.user_code) for client, decision in people]
    )

    statuses = [answered for answered, _ in answers]
    assert sorted(statuses) == [200] + [400] * 15
    decided = people[statuses.index(200)][1]
    assert status(terminal) == {"approve": "approved", "deny": "denied"}[decided]


@both
def test_deciding_requires_a_session(terminal: Terminal, tenant: Tenant, decision: str) -> None:
    ended = tenant.signed_in()
    with owner() as connection:
        connection.execute(
            "update sessions set expires_at = now() where user_id = %s", [tenant.owner.user_id]
        )
    lacking = rejected(403, "session_required", "This takes a signed-in person; an API key cannot do it")

    for client in (
        Client(None),
        Client(UNKNOWN_KEY),
        Client(None, token="x"),
        Client(None, token=terminal.device_code),
        ended,
    ):
        assert decide(client, decision, terminal.user_code) == UNAUTHORIZED
    assert decide(tenant.studio, decision, terminal.user_code) == lacking
    assert decide(Client(None, token=tenant.studio.key), decision, terminal.user_code) == lacking
    assert status(terminal) == "pending"


@both
@pytest.mark.parametrize("code", ["ABCD2345", "'", "-"])
def test_an_unknown_code_is_rejected(tenant: Tenant, decision: str, code: str) -> None:
    assert decide(tenant.signed_in(), decision, code) == rejected(400, "invalid_request", "Invalid user code")


@both
def test_an_expired_login_cannot_be_decided_and_the_device_receives_expired_token(
    terminal: Terminal, tenant: Tenant, decision: str
) -> None:
    with owner() as connection:
        connection.execute(
            "update device_codes set expires_at = now() where user_code = %s", [terminal.user_code]
        )

    assert decide(tenant.signed_in(), decision, terminal.user_code) == rejected(
        400, "expired_token", "User code has expired"
    )
    assert terminal.poll().json()["error"] == "expired_token"


@both
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "userCode: Required"),
        ({"user_code": "ABCD2345"}, "userCode: Required"),
        ({"userCode": 1}, "userCode: Must be a string"),
        ({"userCode": ""}, "userCode: Must have at least 1 character"),
        ({"userCode": "x" * 41}, "userCode: Must have at most 40 characters"),
        ([], "body: Must be an object"),
    ],
)
def test_a_malformed_code_is_rejected(tenant: Tenant, decision: str, body: Any, sentence: str) -> None:
    answer = tenant.signed_in().post(f"/api/auth/device/{decision}", json=body)

    assert outcome(answer) == rejected(400, "invalid_request", sentence)


@both
def test_a_cookie_decides_only_from_a_page_of_the_same_origin(
    terminal: Terminal, tenant: Tenant, decision: str
) -> None:
    token = sessions.start(tenant.owner.user_id, address="127.0.0.1", user_agent="tests").token
    cookie = {"cookie": f"{COOKIE}={token}"}
    ours = str(http().base_url).rstrip("/")

    for foreign in (
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{ours}.evil.example"},
        {"sec-fetch-site": "cross-site"},
    ):
        assert decide(Client(None), decision, terminal.user_code, **cookie, **foreign) == WRONG_ORIGIN
    assert status(terminal) == "pending"
    assert decide(Client(None), decision, terminal.user_code, **cookie, origin=ours) == (
        200,
        {"success": True},
    )


@both
def test_guesses_are_rate_limited(
    tenant: Tenant, terminal: Terminal, decision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions.approve_device_code.handler import app as approve
    from functions.deny_device_code.handler import app as deny

    monkeypatch.setenv("AUTH_LIMIT", "3")
    settings.cache_clear()
    bearer = {"authorization": f"Bearer {tenant.signed_in().token}"}
    codes = ["ABCD2342", "ABCD2343", "ABCD2344", terminal.user_code]

    try:
        answers = [
            call(
                {"approve": approve, "deny": deny}[decision],
                "POST",
                f"/api/auth/device/{decision}",
                json={"userCode": code},
                headers=bearer,
            )
            for code in codes
        ]
    finally:
        settings.cache_clear()

    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert answers[3].json() == rejected(429, "rate_limited", TOO_MANY)[1]
    assert status(terminal) == "pending"
