"""DELETE /api/auth/api-keys/{id}"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE
from tests.given.keys import (
    NOT_FOUND,
    STUDIO,
    UNAUTHORIZED,
    create_key,
    create_person,
    is_accepted,
    list_keys,
    rejected,
)
from tests.given.shapes import A_TIME, hyphened
from tests.given.tenants import Client
from vitrine.library import sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.given.tenants import Tenant


@pytest.mark.parametrize("write", [str, hyphened, str.upper], ids=["plain", "hyphened", "upper case"])
def test_the_next_request_with_a_revoked_key_is_rejected(tenant: Tenant, write: Callable[[str], str]) -> None:
    session = tenant.signed_in()
    made = create_key(session)
    assert is_accepted(made["key"])

    answer = session.delete(f"{STUDIO}/{write(made['apiKey']['id'])}")

    assert outcome(Client(made["key"]).get(STUDIO)) == UNAUTHORIZED
    shown = {
        **made["apiKey"],
        "status": "inactive",
        "lastUsedAt": A_TIME,
        "revokedAt": A_TIME,
        "updatedAt": A_TIME,
    }
    assert outcome(answer) == (200, {"apiKey": shown})
    assert list_keys(session) == [answer.json()["apiKey"]]


def test_revoking_is_idempotent(tenant: Tenant) -> None:
    session = tenant.signed_in()
    path = f"{STUDIO}/{create_key(session)['apiKey']['id']}"
    first = session.delete(path)

    again = session.delete(path, headers={"content-type": "application/json"})

    assert outcome(again) == outcome(first)


def test_a_key_can_revoke_itself(tenant: Tenant) -> None:
    made = create_key(tenant.signed_in(), scopes=["admin:api-keys"])
    key = Client(made["key"])

    answers = [key.delete(f"{STUDIO}/{made['apiKey']['id']}") for _ in range(2)]

    assert answers[0].json()["apiKey"]["status"] == "inactive"
    assert outcome(answers[1]) == UNAUTHORIZED


def test_a_key_can_revoke_keys_with_more_scopes(tenant: Tenant) -> None:
    session = tenant.signed_in()
    large, small = create_key(session, scopes=["*"]), create_key(session, scopes=["admin:api-keys"])

    assert Client(small["key"]).delete(f"{STUDIO}/{large['apiKey']['id']}").status_code == 200
    assert not is_accepted(large["key"])


def test_a_rotated_key_can_be_revoked_within_its_overlap(tenant: Tenant) -> None:
    session = tenant.signed_in()
    made = create_key(session)
    session.post(f"{STUDIO}/{made['apiKey']['id']}/rotate", json={"overlap": 600})
    assert is_accepted(made["key"])

    assert session.delete(f"{STUDIO}/{made['apiKey']['id']}").json()["apiKey"]["status"] == "inactive"
    assert not is_accepted(made["key"])


@pytest.mark.parametrize("name", [NOWHERE, NOWHERE.replace("-", ""), "nonsense", "'", "0" * 31, "%2e%2e"])
def test_a_missing_key_is_not_found(tenant: Tenant, name: str) -> None:
    assert outcome(tenant.signed_in().delete(f"{STUDIO}/{name}")) == NOT_FOUND


def test_a_nul_in_the_path_is_not_found(tenant: Tenant) -> None:
    assert outcome(tenant.signed_in().delete(f"{STUDIO}/%00")) == rejected(
        404, "not_found", "There is nothing at this address"
    )


def test_another_persons_key_is_not_found_and_stays_valid(tenant: Tenant, stranger: Tenant) -> None:
    theirs = create_key(
        Client(None, token=sessions.start(create_person(tenant, "admin"), address="", user_agent="").token)
    )

    answers = [
        session.delete(f"{STUDIO}/{theirs['apiKey']['id']}")
        for session in (tenant.signed_in(), stranger.signed_in())
    ]

    assert [outcome(answer) for answer in answers] == [NOT_FOUND] * 2
    assert is_accepted(theirs["key"])
