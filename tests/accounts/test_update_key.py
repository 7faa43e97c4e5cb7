"""PATCH /api/auth/api-keys/{id}"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.keys import (
    NOT_FOUND,
    STUDIO,
    create_key,
    create_person,
    is_accepted,
    list_keys,
    missing_scope,
    rejected,
)
from tests.given.shapes import A_TIME, hyphened
from tests.given.tenants import Client
from vitrine.dialects.formats import show_time
from vitrine.library import sessions

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

LATER = show_time(datetime.now(UTC) + timedelta(days=9))


def change(client: Client, key: dict[str, Any], body: object) -> httpx.Response:
    return client.patch(f"{STUDIO}/{key['apiKey']['id']}", json=body)


def expire(key: dict[str, Any]) -> None:
    with owner() as connection:
        connection.execute(
            "update api_keys set expires_at = now() where id = %s", [UUID(key["apiKey"]["id"])]
        )


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"name": "Another"}, {"name": "Another"}),
        ({"scopes": ["media:write", "*"]}, {"scopes": ["*", "media:write"]}),
        ({"expiresAt": LATER}, {"expiresAt": LATER}),
        ({"expiresAt": None}, {"expiresAt": None}),
        (
            {"name": "Another", "scopes": ["media:delete"], "expiresAt": None},
            {"name": "Another", "scopes": ["media:delete"], "expiresAt": None},
        ),
        ({"name": "Another", "status": "inactive", "keyPrefix": "x", "id": NOWHERE}, {"name": "Another"}),
    ],
)
def test_named_fields_change_and_the_others_stay(
    tenant: Tenant, body: dict[str, Any], shown: dict[str, Any]
) -> None:
    session = tenant.signed_in()
    made = create_key(session, expiresIn=3600)

    answer = change(session, made, body)

    assert outcome(answer) == (200, {"apiKey": {**made["apiKey"], **shown, "updatedAt": A_TIME}})
    assert answer.json()["apiKey"]["updatedAt"] > made["apiKey"]["updatedAt"]
    assert list_keys(session) == [answer.json()["apiKey"]]


def test_an_id_is_accepted_with_and_without_hyphens(tenant: Tenant) -> None:
    session = tenant.signed_in()
    plain = create_key(session)["apiKey"]["id"]

    answers = [
        session.patch(f"{STUDIO}/{form}", json={"name": form})
        for form in (plain, hyphened(plain), plain.upper())
    ]

    assert [(answer.status_code, answer.json()["apiKey"]["id"]) for answer in answers] == [(200, plain)] * 3


def test_changed_scopes_apply_at_once(tenant: Tenant) -> None:
    session = tenant.signed_in()
    made = create_key(session, scopes=["media:read"])
    key = Client(made["key"])
    assert outcome(key.get(STUDIO)) == missing_scope("admin:api-keys")

    change(session, made, {"scopes": ["admin:api-keys"]})

    assert key.get(STUDIO).status_code == 200
    assert key.get(f"/api/organization/{tenant.id.hex}/datasets").status_code == 403


def test_a_key_cannot_give_another_key_more_scopes_than_its_own(tenant: Tenant) -> None:
    session = tenant.signed_in()
    small = Client(create_key(session, scopes=["admin:api-keys", "media:read"])["key"])
    target, large = create_key(session, scopes=["media:read"]), create_key(session, scopes=["*"])

    assert outcome(change(small, target, {"scopes": ["media:read", "media:write"]})) == missing_scope(
        "media:write"
    )
    assert outcome(change(small, target, {"scopes": ["*"]})) == missing_scope("*")
    # nor may it prolong a key with more scopes
    assert outcome(change(small, large, {"expiresAt": None})) == missing_scope("*")
    assert outcome(change(small, large, {"name": "Mine"})) == missing_scope("*")
    assert [key for key in list_keys(session) if key["lastUsedAt"] is None] == [
        large["apiKey"],
        target["apiKey"],
    ]
    # it may change a key whose scopes, after the change, it has itself
    assert change(small, large, {"scopes": ["admin:api-keys"]}).status_code == 200
    assert change(small, target, {"name": "Another"}).status_code == 200


def test_a_key_cannot_give_itself_more_scopes(tenant: Tenant) -> None:
    made = create_key(tenant.signed_in(), scopes=["admin:api-keys"])

    assert outcome(change(Client(made["key"]), made, {"scopes": ["*"]})) == missing_scope("*")
    assert change(Client(made["key"]), made, {"name": "Me"}).status_code == 200


def test_an_expired_key_works_again_when_its_end_is_moved(tenant: Tenant) -> None:
    session = tenant.signed_in()
    made = create_key(session)
    expire(made)
    assert not is_accepted(made["key"])

    renamed = change(session, made, {"name": "Still over"})
    moved = change(session, made, {"expiresAt": LATER})

    assert (renamed.json()["apiKey"]["status"], moved.json()["apiKey"]["status"]) == ("expired", "active")
    assert is_accepted(made["key"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, rejected(400, "invalid", "Give name, scopes or expiresAt")),
        ({"status": "inactive"}, rejected(400, "invalid", "Give name, scopes or expiresAt")),
        ({"name": None}, rejected(400, "invalid", "Must be a string", at="name")),
        ({"name": ""}, rejected(400, "invalid", "name must have 1 to 100 characters")),
        ({"name": "x" * 101}, rejected(400, "invalid", "name must have 1 to 100 characters")),
        ({"scopes": None}, rejected(400, "invalid", "Must be an array of scopes", at="scopes")),
        ({"scopes": []}, rejected(400, "invalid", "Must be an array of scopes", at="scopes")),
        (
            {"scopes": ["nothing"]},
            rejected(
                400,
                "invalid",
                "scopes must be some of media:read, media:write, media:delete, admin:api-keys, "
                "admin:users, *",
            ),
        ),
        (
            {"expiresAt": "never"},
            rejected(
                400, "invalid", "Must be a time with its zone, as in 2027-01-31T12:00:00Z", at="expiresAt"
            ),
        ),
        (
            {"expiresAt": "2020-01-01T00:00:00Z"},
            rejected(400, "invalid", "An API key ends in the future, within 3650 days, or never"),
        ),
        ([], rejected(400, "invalid", "Must be an object", at="body")),
    ],
)
def test_an_invalid_change_is_rejected_and_changes_nothing(
    tenant: Tenant, body: object, expected: tuple[int, dict[str, Any]]
) -> None:
    session = tenant.signed_in()
    made = create_key(session)
    if isinstance(body, list):
        expected[1]["details"] = [{"path": [], "message": "Must be an object"}]

    assert outcome(change(session, made, body)) == expected
    assert list_keys(session) == [made["apiKey"]]


def test_a_revoked_or_rotated_key_cannot_be_changed(tenant: Tenant) -> None:
    session = tenant.signed_in()
    revoked, rotated = create_key(session), create_key(session)
    session.delete(f"{STUDIO}/{revoked['apiKey']['id']}")
    session.post(f"{STUDIO}/{rotated['apiKey']['id']}/rotate", json={"overlap": 60})

    assert outcome(change(session, revoked, {"name": "x"})) == rejected(
        409, "conflict", "This API key was revoked"
    )
    assert outcome(change(session, rotated, {"name": "x"})) == rejected(
        409, "conflict", "This API key was rotated already"
    )
    assert not is_accepted(revoked["key"])


@pytest.mark.parametrize("name", [NOWHERE, NOWHERE.replace("-", ""), "nonsense", "'", "0" * 31, "0" * 33])
def test_a_missing_key_is_not_found(tenant: Tenant, name: str) -> None:
    assert outcome(tenant.signed_in().patch(f"{STUDIO}/{name}", json={"name": "x"})) == NOT_FOUND


def test_another_persons_key_is_not_found_not_even_by_an_owner(tenant: Tenant, stranger: Tenant) -> None:
    admin = Client(
        None, token=sessions.start(create_person(tenant, "admin"), address="", user_agent="").token
    )
    theirs = create_key(admin)

    answers = [
        change(session, theirs, {"name": "Mine"}) for session in (tenant.signed_in(), stranger.signed_in())
    ]

    assert [outcome(answer) for answer in answers] == [NOT_FOUND] * 2
    assert list_keys(admin) == [theirs["apiKey"]]
