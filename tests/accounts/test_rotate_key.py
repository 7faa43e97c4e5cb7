"""POST /api/auth/api-keys/{id}/rotate"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.keys import (
    A_KEY,
    NOT_FOUND,
    STUDIO,
    create_key,
    create_person,
    is_accepted,
    list_keys,
    missing_scope,
    rejected,
)
from tests.given.shapes import A_TIME, AN_ID, hyphened
from tests.given.tenants import Client
from vitrine.library import sessions

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

OVERLAP = rejected(400, "invalid", "overlap must be 0 to 604800 seconds")
NOT_NUMBERS: list[object] = ["60", 0.5, True, None, []]
NOT_WHOLE = rejected(400, "invalid", "Must be a whole number", at="overlap")


def rotate(client: Client, key: dict[str, Any], **more: Any) -> httpx.Response:
    return client.post(f"{STUDIO}/{key['apiKey']['id']}/rotate", **more)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"json": {}},
        {"json": {"overlap": 0}},
        {"content": b"", "headers": {"content-type": "application/json"}},
    ],
)
def test_a_new_key_replaces_the_old_one_at_once(tenant: Tenant, more: dict[str, Any]) -> None:
    session = tenant.signed_in()
    made = create_key(session, "For the import", ["media:read", "media:write"], expiresIn=3600)

    answer = rotate(session, made, **more)

    new = answer.json()["key"]
    assert outcome(answer) == (
        200,
        {
            "apiKey": {
                **made["apiKey"],
                "id": AN_ID,
                "keyPrefix": new[:16],
                "createdAt": A_TIME,
                "updatedAt": A_TIME,
            },
            "key": A_KEY,
            "previous": {**made["apiKey"], "status": "inactive", "revokedAt": A_TIME, "updatedAt": A_TIME},
        },
    )
    assert (is_accepted(made["key"]), is_accepted(new), new == made["key"]) == (False, True, False)
    assert [key["id"] for key in list_keys(session)] == [answer.json()["apiKey"]["id"], made["apiKey"]["id"]]
    with owner() as connection:
        row = connection.execute(
            "select rotated_from from api_keys where id = %s", [UUID(answer.json()["apiKey"]["id"])]
        ).fetchone()
    assert row == {"rotated_from": UUID(made["apiKey"]["id"])}


def test_both_work_for_the_overlap_and_then_the_new_one_alone(tenant: Tenant) -> None:
    session = tenant.signed_in()
    made = create_key(session)

    answer = rotate(session, made, json={"overlap": 2}).json()

    assert (answer["previous"]["status"], is_accepted(made["key"]), is_accepted(answer["key"])) == (
        "active",
        True,
        True,
    )
    assert {key["id"]: key["status"] for key in list_keys(session)} == {
        answer["apiKey"]["id"]: "active",
        made["apiKey"]["id"]: "active",
    }
    time.sleep(2.1)
    assert (is_accepted(made["key"]), is_accepted(answer["key"])) == (False, True)
    assert {key["id"]: key["status"] for key in list_keys(session)} == {
        answer["apiKey"]["id"]: "active",
        made["apiKey"]["id"]: "inactive",
    }


def test_the_longest_overlap_is_a_week(tenant: Tenant) -> None:
    session = tenant.signed_in()

    previous = rotate(session, create_key(session), json={"overlap": 604_800}).json()["previous"]

    left = datetime.fromisoformat(previous["revokedAt"]) - datetime.now(UTC)
    assert timedelta(days=7, seconds=-30) < left <= timedelta(days=7)


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [*((wrong, OVERLAP) for wrong in (-1, 604_801, 10**400)), *((wrong, NOT_WHOLE) for wrong in NOT_NUMBERS)],
    ids=range(8),
)
def test_an_invalid_overlap_is_rejected(tenant: Tenant, overlap: object, expected: object) -> None:
    session = tenant.signed_in()
    made = create_key(session)

    assert outcome(rotate(session, made, json={"overlap": overlap})) == expected
    assert list_keys(session) == [made["apiKey"]]
    assert is_accepted(made["key"])


def test_a_key_is_rotated_once(tenant: Tenant) -> None:
    session = tenant.signed_in()
    at_once, later, revoked, expired = (create_key(session) for _ in range(4))
    rotate(session, at_once)
    rotate(session, later, json={"overlap": 60})
    session.delete(f"{STUDIO}/{revoked['apiKey']['id']}")
    with owner() as connection:
        connection.execute(
            "update api_keys set expires_at = now() where id = %s", [UUID(expired["apiKey"]["id"])]
        )
    before = list_keys(session)

    answers = [outcome(rotate(session, key)) for key in (at_once, later, revoked, expired)]

    assert answers == [
        rejected(409, "conflict", "This API key was revoked"),
        rejected(409, "conflict", "This API key was rotated already"),
        rejected(409, "conflict", "This API key was revoked"),
        rejected(409, "conflict", "This API key has expired"),
    ]
    assert list_keys(session) == before


def test_the_new_key_can_be_rotated_too(tenant: Tenant) -> None:
    session = tenant.signed_in()
    second = rotate(session, create_key(session), json={"overlap": 60}).json()

    third = rotate(session, second).json()

    assert (is_accepted(second["key"]), is_accepted(third["key"])) == (False, True)


def test_a_key_can_rotate_itself(tenant: Tenant) -> None:
    made = create_key(tenant.signed_in(), scopes=["admin:api-keys"])

    new = rotate(Client(made["key"]), made).json()

    assert (is_accepted(made["key"]), is_accepted(new["key"])) == (False, True)


def test_a_key_cannot_rotate_a_key_with_more_scopes(tenant: Tenant) -> None:
    session = tenant.signed_in()
    small = Client(create_key(session, scopes=["admin:api-keys", "media:read"])["key"])
    large, same = create_key(session, scopes=["*"]), create_key(session, scopes=["media:read"])

    assert outcome(rotate(small, large)) == missing_scope("*")
    assert is_accepted(large["key"])
    assert rotate(small, same).status_code == 200


@pytest.mark.parametrize("name", [NOWHERE, NOWHERE.replace("-", ""), "nonsense", "'", "0" * 31])
def test_a_missing_key_is_not_found(tenant: Tenant, name: str) -> None:
    assert outcome(tenant.signed_in().post(f"{STUDIO}/{name}/rotate")) == NOT_FOUND


def test_an_id_is_accepted_with_and_without_hyphens(tenant: Tenant) -> None:
    session = tenant.signed_in()

    answers = [
        session.post(f"{STUDIO}/{write(create_key(session)['apiKey']['id'])}/rotate")
        for write in (str, hyphened, str.upper)
    ]

    assert [answer.status_code for answer in answers] == [200] * 3


def test_another_persons_key_is_not_found_and_stays_valid(tenant: Tenant, stranger: Tenant) -> None:
    theirs = create_key(
        Client(None, token=sessions.start(create_person(tenant, "admin"), address="", user_agent="").token)
    )

    answers = [rotate(session, theirs) for session in (tenant.signed_in(), stranger.signed_in())]

    assert [outcome(answer) for answer in answers] == [NOT_FOUND] * 2
    assert is_accepted(theirs["key"])
