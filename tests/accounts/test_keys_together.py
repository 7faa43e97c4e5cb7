"""The limit of a person's keys, for concurrent requests too. The endpoints run in this process, with the
default limit of a deployment.
"""

from __future__ import annotations

import importlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.keys import (
    STUDIO,
    V1,
    create_key,
    is_accepted,
    list_keys,
    missing_scope,
    rejected,
    v1_rejected,
)
from tests.given.loops import call
from tests.given.tenants import Client
from vitrine import db
from vitrine.library import sessions
from vitrine.settings import Settings, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.given.tenants import Tenant

APPS = {  # imported here by one thread, because Mangum leaves an event loop in each importing thread
    name: importlib.import_module(f"functions.{name}.handler").app
    for name in ("create_key", "update_key", "revoke_key", "rotate_key", "v1_create_key")
}
MOST = Settings().max_api_keys
THREADS = 20
FULL = f"You have {MOST} API keys that work, and may have {MOST}; revoke one first"
TOO_MANY, V1_TOO_MANY = rejected(409, "too_many_keys", FULL), v1_rejected(409, FULL)


@pytest.fixture(autouse=True)
def _as_deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The limit is the default, and each thread has a connection."""
    monkeypatch.setenv("MAX_API_KEYS", "")
    monkeypatch.setenv("DB_POOL_SIZE", str(THREADS))
    db.close()
    settings.cache_clear()
    yield
    monkeypatch.undo()
    db.close()
    settings.cache_clear()


@pytest.fixture
def session(tenant: Tenant) -> str:
    return sessions.start(tenant.owner.user_id, address="", user_agent="").token


def send(token: str, function: str, method: str, path: str, body: object = None) -> httpx.Response:
    return call(APPS[function], method, path, json=body, headers={"authorization": f"Bearer {token}"})


def create(token: str, **more: Any) -> httpx.Response:
    return send(token, "create_key", "POST", STUDIO, {"name": "x", "scopes": ["media:read"], **more})


def v1_create(token: str) -> httpx.Response:
    return send(token, "v1_create_key", "POST", V1, {"name": "x", "scopes": ["media:read"]})


def rotate(token: str, key: str, overlap: int = 0) -> httpx.Response:
    return send(token, "rotate_key", "POST", f"{STUDIO}/{key}/rotate", {"overlap": overlap})


def revoke(token: str, key: str) -> httpx.Response:
    return send(token, "revoke_key", "DELETE", f"{STUDIO}/{key}")


def widen(token: str, key: str) -> httpx.Response:
    return send(token, "update_key", "PATCH", f"{STUDIO}/{key}", {"scopes": ["*"]})


def prolong(token: str, key: str) -> httpx.Response:
    return send(token, "update_key", "PATCH", f"{STUDIO}/{key}", {"expiresAt": None})


def send_concurrently(*requests: Callable[[], httpx.Response]) -> list[httpx.Response]:
    together = Barrier(len(requests))

    def send_together(send: Callable[[], httpx.Response]) -> httpx.Response:
        together.wait()
        return send()

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send_together, requests))


def count_active(token: str) -> int:
    return [key["status"] for key in list_keys(Client(None, token=token))].count("active")


def test_a_person_has_at_most_ten_keys(session: str) -> None:
    made = [create(session) for _ in range(MOST)]

    assert [answer.status_code for answer in made] == [200] * MOST
    assert [outcome(create(session)), outcome(v1_create(session))] == [TOO_MANY, V1_TOO_MANY]
    assert count_active(session) == MOST == 10


def test_of_twenty_concurrent_requests_ten_are_rejected(session: str) -> None:
    answers = send_concurrently(
        *[lambda: create(session)] * (THREADS // 2), *[lambda: v1_create(session)] * (THREADS // 2)
    )

    rejections = [outcome(answer) for answer in answers if answer.status_code not in (200, 201)]
    assert len(rejections) == THREADS - MOST
    assert all(rejection in (TOO_MANY, V1_TOO_MANY) for rejection in rejections)
    assert count_active(session) == MOST


def test_keys_that_no_longer_work_do_not_count(session: str) -> None:
    ids = [create(session).json()["apiKey"]["id"] for _ in range(MOST)]
    client = Client(None, token=session)

    client.delete(f"{STUDIO}/{ids[0]}")
    with owner() as connection:
        connection.execute("update api_keys set expires_at = now() where id = %s", [UUID(ids[1])])

    assert [create(session).status_code for _ in range(3)] == [200, 200, 409]


def test_the_limit_is_per_person(session: str, stranger: Tenant) -> None:
    for _ in range(MOST):
        create(session)

    assert create(sessions.start(stranger.owner.user_id, address="", user_agent="").token).status_code == 200


def test_an_expired_key_is_prolonged_only_below_the_limit(session: str) -> None:
    late = create(session).json()["apiKey"]["id"]
    with owner() as connection:
        connection.execute("update api_keys set expires_at = now() where id = %s", [UUID(late)])
    others = [create(session).json()["apiKey"]["id"] for _ in range(MOST)]

    assert outcome(prolong(session, late)) == TOO_MANY
    Client(None, token=session).delete(f"{STUDIO}/{others[0]}")
    assert prolong(session, late).json()["apiKey"]["status"] == "active"


def test_a_rotated_key_counts_during_its_overlap(session: str) -> None:
    ids = [create(session).json()["apiKey"]["id"] for _ in range(MOST)]

    assert outcome(rotate(session, ids[0], overlap=60)) == TOO_MANY
    assert rotate(session, ids[0]).status_code == 200
    Client(None, token=session).delete(f"{STUDIO}/{ids[1]}")
    assert rotate(session, ids[2], overlap=60).status_code == 200
    assert count_active(session) == MOST
    assert outcome(create(session)) == TOO_MANY


def test_of_concurrent_rotations_one_succeeds(session: str) -> None:
    made = create(session).json()

    answers = send_concurrently(*[lambda: rotate(session, made["apiKey"]["id"], overlap=60)] * THREADS)

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: THREADS - 1}
    assert {answer.json()["error"] for answer in answers if answer.status_code == 409} == {
        "This API key was rotated already"
    }
    assert count_active(session) == 2


@pytest.mark.parametrize("_", range(5))
def test_a_key_revoked_while_it_is_rotated_is_revoked(session: str, _: int) -> None:
    made = create(session).json()
    key = made["apiKey"]["id"]

    rotated, revoked = send_concurrently(
        lambda: rotate(session, key, overlap=60), lambda: revoke(session, key)
    )

    assert (revoked.status_code, is_accepted(made["key"])) == (200, False)
    # A rotation that began before the revocation and runs after it has an earlier now(): by its clock the
    # key's end lies in the future, as the end of a rotated key does.
    ended = [rejected(409, "conflict", f"This API key was {how}") for how in ("revoked", "rotated already")]
    assert rotated.status_code == 200 or outcome(rotated) in ended
    assert count_active(session) == (1 if rotated.status_code == 200 else 0)


@pytest.mark.parametrize("_", range(10))
def test_a_rotation_checks_the_scopes_that_the_key_has_at_that_moment(session: str, _: int) -> None:
    small = create_key(Client(None, token=session), scopes=["admin:api-keys"])["key"]
    key = create(session, scopes=["admin:api-keys"]).json()["apiKey"]["id"]

    rotated, _widened = send_concurrently(lambda: rotate(small, key), lambda: widen(session, key))

    assert outcome(rotated) == missing_scope("*") or (
        rotated.status_code,
        rotated.json()["apiKey"]["scopes"],
    ) == (
        200,
        ["admin:api-keys"],
    )
