"""POST /api/auth/api-keys"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.keys import (
    A_KEY,
    ALL_SCOPES,
    STUDIO,
    create_key,
    create_person,
    is_accepted,
    list_keys,
    missing_scope,
    rejected,
)
from tests.given.names import COMPOSED, DECOMPOSED, INVALID_BODIES, VALID_NAMES
from tests.given.shapes import A_TIME, AN_ID
from tests.given.tenants import Client
from vitrine.credentials import fingerprint
from vitrine.dialects.formats import show_time
from vitrine.library import organizations, sessions

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

IN_THE_FUTURE = "An API key ends in the future, within 3650 days, or never"
A_MOMENT = "Must be a time with its zone, as in 2027-01-31T12:00:00Z"
KNOWN = "scopes must be some of media:read, media:write, media:delete, admin:api-keys, admin:users, *"
SHAPE = "Must be an array of scopes"
NO_SCOPES: list[object] = [
    [],
    None,
    "media:read",
    1,
    {},
    [1],
    [None],
    [["media:read"]],
    ["media:read"] * 101,
    [1] * 1_000_000,
]
NO_TIMES: list[object] = [
    "",
    "tomorrow",
    "2027-01-31",
    "2027-01-31T12:00:00",
    "2027-06-31T12:00:00Z",
    "2027-01-31 12:00:00Z",
    "2027-01-31T12:00:00+99:00",
    "0000-01-31T12:00:00Z",
    "2027-W01-1T12:00:00Z",
    "٢٠٢٧-01-31T12:00:00Z",
    1_900_000_000,
    "1900000000",
    True,
    [],
    {},
]
NO_NUMBERS: list[object] = ["60", 60.5, True, [], {}]


def test_a_key_is_shown_once_and_works(tenant: Tenant) -> None:
    answer = tenant.signed_in().post(
        STUDIO, json={"name": "For the import", "scopes": ["media:write", "media:read", "media:write"]}
    )

    key = answer.json()["key"]
    assert outcome(answer) == (
        200,
        {
            "apiKey": {
                "id": AN_ID,
                "name": "For the import",
                "keyPrefix": key[:16],
                "scopes": ["media:read", "media:write"],
                "status": "active",
                "lastUsedAt": None,
                "expiresAt": None,
                "revokedAt": None,
                "createdAt": A_TIME,
                "updatedAt": A_TIME,
            },
            "key": A_KEY,
        },
    )
    assert answer.headers["cache-control"] == "no-store"
    assert Client(key).get("/api/me").json()["userId"] == tenant.owner.user_id.hex
    assert Client(None).get("/api/me", headers={"authorization": f"Bearer {key}"}).status_code == 200
    assert outcome(Client(key).get(STUDIO)) == missing_scope("admin:api-keys")


def test_only_the_hash_of_the_key_is_stored(tenant: Tenant) -> None:
    made = create_key(tenant.signed_in())

    with owner() as connection:
        row = connection.execute(
            "select k.*, k::text as whole from api_keys k where id = %s", [UUID(made["apiKey"]["id"])]
        ).fetchone()

    assert row is not None
    assert (row["key_hash"], row["prefix"], row["user_id"]) == (
        fingerprint(made["key"]),
        made["key"][:16],
        tenant.owner.user_id,
    )
    assert made["key"][16:] not in row["whole"]


def test_a_repeated_request_creates_another_key(tenant: Tenant) -> None:
    session = tenant.signed_in()
    body, headers = {"name": "x", "scopes": ["*"]}, {"idempotency-key": "the same"}

    keys = {session.post(STUDIO, json=body, headers=headers).json()["key"] for _ in range(2)}

    assert len(keys) == len(list_keys(session)) == 2


# Names.


@pytest.mark.parametrize("name", [name[:100] for name in VALID_NAMES.values()], ids=VALID_NAMES)
def test_a_name_is_stored_as_it_was_sent(tenant: Tenant, name: str) -> None:
    assert create_key(tenant.signed_in(), name)["apiKey"]["name"] == name


def test_a_name_is_stored_in_composed_form(tenant: Tenant) -> None:
    assert create_key(tenant.signed_in(), DECOMPOSED)["apiKey"]["name"] == COMPOSED


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, rejected(400, "invalid", "Required", at="name")),
        ({"name": ""}, rejected(400, "invalid", "name must have 1 to 100 characters")),
        ({"name": "x" * 101}, rejected(400, "invalid", "name must have 1 to 100 characters")),
        ({"name": "a\0b"}, rejected(400, "invalid", "A text holds a character that cannot be stored")),
        ({"name": None}, rejected(400, "invalid", "Must be a string", at="name")),
        ({"name": 1}, rejected(400, "invalid", "Must be a string", at="name")),
    ],
)
def test_an_invalid_name_is_rejected(tenant: Tenant, body: dict[str, Any], expected: object) -> None:
    session = tenant.signed_in()

    assert outcome(session.post(STUDIO, json={"scopes": ["*"], **body})) == expected
    assert list_keys(session) == []


@pytest.mark.parametrize(("body", "expected"), INVALID_BODIES.values(), ids=INVALID_BODIES)
def test_a_malformed_body_is_rejected(tenant: Tenant, body: bytes, expected: dict[str, Any]) -> None:
    answer = tenant.signed_in().post(STUDIO, content=body)

    assert outcome(answer) == (400, {**expected, "message": expected["error"]})


# Scopes.


@pytest.mark.parametrize("scopes", [ALL_SCOPES, ["*"], ["*", *ALL_SCOPES], ["media:read"] * 100])
def test_every_known_scope_is_accepted(tenant: Tenant, scopes: list[str]) -> None:
    assert create_key(tenant.signed_in(), scopes=scopes)["apiKey"]["scopes"] == sorted(set(scopes))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, rejected(400, "invalid", "Required", at="scopes")),
        *(({"scopes": wrong}, rejected(400, "invalid", SHAPE, at="scopes")) for wrong in NO_SCOPES),
        *(
            ({"scopes": [wrong]}, rejected(400, "invalid", KNOWN))
            for wrong in (
                "",
                "media",
                "media:*",
                "admin:all",
                "Media:read",
                " media:read",
                "media:read,media:write",
                "x" * 100_000,
            )
        ),
        ({"scopes": ["media:read", "nothing"]}, rejected(400, "invalid", KNOWN)),
    ],
    ids=range(20),
)
@pytest.mark.sampled(4)
def test_invalid_scopes_are_rejected(tenant: Tenant, body: dict[str, Any], expected: object) -> None:
    session = tenant.signed_in()

    assert outcome(session.post(STUDIO, json={"name": "x", **body})) == expected
    assert list_keys(session) == []


def test_a_key_cannot_grant_scopes_that_it_lacks(tenant: Tenant) -> None:
    small = tenant.client(scopes=["admin:api-keys"])
    large = tenant.client(scopes=ALL_SCOPES)

    answers = {
        scope: outcome(small.post(STUDIO, json={"name": "x", "scopes": ["admin:api-keys", scope]}))
        for scope in ("*", "media:read", "admin:users")
    }

    assert answers == {scope: missing_scope(scope) for scope in answers}
    # "*" also grants scopes of later versions
    assert outcome(large.post(STUDIO, json={"name": "x", "scopes": ["*"]})) == missing_scope("*")
    assert create_key(small, scopes=["admin:api-keys"])["apiKey"]["scopes"] == ["admin:api-keys"]
    assert create_key(large, scopes=ALL_SCOPES)["apiKey"]["scopes"] == ALL_SCOPES
    assert create_key(tenant.client(scopes=["*"]), scopes=["*"])["apiKey"]["scopes"] == ["*"]
    assert create_key(tenant.signed_in(), scopes=["*"])["apiKey"]["scopes"] == ["*"]


def test_keys_of_a_demoted_person_have_the_rights_of_the_new_role(tenant: Tenant) -> None:
    person = create_person(tenant, "owner")
    key = Client(
        create_key(Client(None, token=sessions.start(person, address="", user_agent="").token), scopes=["*"])[
            "key"
        ]
    )
    folder = {"datasetId": tenant.collection_id.hex, "name": "A folder"}
    assert key.post("/api/folder", json=folder).status_code == 200

    organizations.add_member(tenant.id, person, "viewer")

    assert key.get("/api/me").json()["role"] == "viewer"
    assert key.get(f"/api/organization/{tenant.id.hex}/datasets").status_code == 200
    assert outcome(key.post("/api/folder", json=folder)) == (
        403,
        {"error": "This takes the role owner, admin or editor; yours is viewer", "code": "insufficient_role"},
    )
    assert outcome(key.get(STUDIO)) == rejected(
        403, "insufficient_role", "This takes the role owner or admin; yours is viewer"
    )
    assert outcome(key.post(STUDIO, json={"name": "x", "scopes": ["media:read"]})) == rejected(
        403, "insufficient_role", "This takes the role owner or admin; yours is viewer"
    )


# Ends.


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=11))]
)
def test_a_key_can_have_an_end_in_any_zone(tenant: Tenant, zone: timezone) -> None:
    at = datetime.now(UTC) + timedelta(days=30)

    made = create_key(tenant.signed_in(), expiresAt=at.astimezone(zone).isoformat())

    assert (made["apiKey"]["expiresAt"], made["apiKey"]["status"], is_accepted(made["key"])) == (
        show_time(at),
        "active",
        True,
    )


def test_a_key_works_until_its_end(tenant: Tenant) -> None:
    session = tenant.signed_in()
    made = create_key(session, expiresIn=1)
    assert is_accepted(made["key"])

    time.sleep(1.1)

    assert not is_accepted(made["key"])
    assert list_keys(session) == [{**made["apiKey"], "status": "expired", "lastUsedAt": A_TIME}]


def test_expires_in_is_counted_from_now(tenant: Tenant) -> None:
    made = create_key(tenant.signed_in(), expiresIn=3600)

    life = datetime.fromisoformat(made["apiKey"]["expiresAt"]) - datetime.now(UTC)

    assert timedelta(seconds=3590) < life <= timedelta(seconds=3600)


@pytest.mark.parametrize(
    "more", [{}, {"expiresAt": None}, {"expiresIn": None}, {"expiresAt": None, "expiresIn": None}]
)
def test_a_key_has_no_end_unless_one_is_set(tenant: Tenant, more: dict[str, Any]) -> None:
    assert create_key(tenant.signed_in(), **more)["apiKey"]["expiresAt"] is None


@pytest.mark.parametrize(
    "at", ["2027-01-31T12:00Z", "2027-01-31T12:00:00.5+01:00", "2027-01-31T12:00:00.123456789Z"]
)
def test_a_time_is_read_in_the_forms_of_rfc_3339(tenant: Tenant, at: str) -> None:
    assert create_key(tenant.signed_in(), expiresAt=at)["apiKey"]["expiresAt"] == A_TIME


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        *(({"expiresAt": wrong}, rejected(400, "invalid", A_MOMENT, at="expiresAt")) for wrong in NO_TIMES),
        *(
            ({"expiresAt": wrong}, rejected(400, "invalid", IN_THE_FUTURE))
            for wrong in (
                "2020-01-31T12:00:00Z",
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00",
                "2099-01-31T12:00:00Z",
            )
        ),
        *(
            ({"expiresIn": wrong}, rejected(400, "invalid", "expiresIn must be 1 to 315360000 seconds"))
            for wrong in (
                0,
                -1,
                315_360_001,
                10**400,
            )
        ),
        *(
            ({"expiresIn": wrong}, rejected(400, "invalid", "Must be a whole number", at="expiresIn"))
            for wrong in NO_NUMBERS
        ),
        (
            {"expiresIn": 60, "expiresAt": "2027-01-31T12:00:00Z"},
            rejected(400, "invalid", "Give expiresAt or expiresIn, not both"),
        ),
    ],
    ids=range(29),
)
def test_an_invalid_end_is_rejected(tenant: Tenant, more: dict[str, Any], expected: object) -> None:
    session = tenant.signed_in()

    assert outcome(session.post(STUDIO, json={"name": "x", "scopes": ["*"], **more})) == expected
    assert list_keys(session) == []


def test_the_longest_life_is_ten_years(tenant: Tenant) -> None:
    assert create_key(tenant.signed_in(), expiresIn=315_360_000)["apiKey"]["status"] == "active"
