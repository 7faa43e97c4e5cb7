"""POST /api/v1/api-keys"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.given.answers import outcome
from tests.given.keys import A_KEY, ALL_SCOPES, STUDIO, V1, list_keys, v1_rejected
from tests.given.shapes import A_HYPHENED_ID, A_TIME
from tests.given.tenants import Client
from vitrine.dialects.formats import show_time

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

LATER = show_time(datetime.now(UTC) + timedelta(days=9))
KNOWN = "scopes must be some of media:read, media:write, media:delete, admin:api-keys, admin:users, *"


@pytest.mark.parametrize("more", [{}, {"expiresAt": None}, {"expiresAt": LATER}])
def test_a_key_is_shown_once_and_works(tenant: Tenant, more: dict[str, Any]) -> None:
    session = tenant.signed_in()

    answer = session.post(
        V1, json={"name": "For the import", "scopes": ["media:write", "media:read"], **more}
    )

    made = answer.json()["data"]
    shown = {
        "id": A_HYPHENED_ID,
        "name": "For the import",
        "keyPrefix": made["key"][:16],
        "scopes": ["media:read", "media:write"],
        "status": "active",
        "lastUsedAt": None,
        "expiresAt": more.get("expiresAt"),
        "createdAt": A_TIME,
    }
    assert outcome(answer) == (
        201,
        {"success": True, "data": {**shown, "key": A_KEY}, "info": {"timestamp": A_TIME}},
    )
    assert session.get(V1).json()["data"] == [{name: value for name, value in made.items() if name != "key"}]
    assert [key["id"] for key in list_keys(session)] == [made["id"].replace("-", "")]
    assert Client(made["key"]).get("/api/v1/media").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"scopes": ["*"]},
        {"name": 1, "scopes": ["*"]},
        {"name": None, "scopes": ["*"]},
        {"name": "x", "scopes": "*"},
        {"name": "x", "scopes": [1]},
        {"name": "x", "scopes": None},
        {"name": "x", "scopes": ["*"] * 101},
        {"name": "x", "scopes": ["*"], "expiresAt": 1},
        [],
        "x",
    ],
)
def test_a_body_of_the_wrong_shape_is_rejected_with_its_issues(tenant: Tenant, body: object) -> None:
    session = tenant.signed_in()

    answer = session.post(V1, json=body)

    status, whole = outcome(answer)
    issues = whole.pop("details")["errors"]
    assert (status, whole) == v1_rejected(400, "Validation failed")
    assert 0 < len(issues) <= 101
    assert list_keys(session) == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"name": ""}, "name must have 1 to 100 characters"),
        ({"name": "x" * 101}, "name must have 1 to 100 characters"),
        ({"scopes": []}, KNOWN),
        ({"scopes": ["media:read", "nothing"]}, KNOWN),
        ({"expiresAt": "2027-01-31"}, "expiresAt must be a time with its zone, as in 2027-01-31T12:00:00Z"),
        ({"expiresAt": "2020-01-31T12:00:00Z"}, "An API key ends in the future, within 3650 days, or never"),
        (
            {"expiresAt": "9999-12-31T23:59:59-14:00"},
            "An API key ends in the future, within 3650 days, or never",
        ),
    ],
)
def test_an_impossible_key_is_rejected(tenant: Tenant, body: dict[str, Any], sentence: str) -> None:
    session = tenant.signed_in()

    assert outcome(session.post(V1, json={"name": "x", "scopes": ["*"], **body})) == v1_rejected(
        400, sentence
    )
    assert list_keys(session) == []


def test_a_key_creates_no_key_with_more_scopes_than_its_own(tenant: Tenant) -> None:
    small, large = tenant.client(scopes=["admin:api-keys"]), tenant.client(scopes=ALL_SCOPES)

    answers = [
        outcome(client.post(V1, json={"name": "x", "scopes": [scope]}))
        for client, scope in ((small, "*"), (small, "media:read"), (large, "*"))
    ]

    assert answers == [
        v1_rejected(403, f"Insufficient permissions - {scope} scope required", "INSUFFICIENT_SCOPE")
        for scope in ("*", "media:read", "*")
    ]
    assert small.post(V1, json={"name": "x", "scopes": ["admin:api-keys"]}).status_code == 201


def test_v1_neither_changes_nor_rotates_keys(tenant: Tenant) -> None:
    session = tenant.signed_in()
    made = session.post(V1, json={"name": "x", "scopes": ["*"]}).json()["data"]["id"]

    answer = session.patch(f"{V1}/{made}", json={"name": "y"})

    assert (answer.status_code, answer.content, answer.headers["allow"]) == (405, b"", "DELETE, OPTIONS")
    assert session.patch(f"{STUDIO}/{made}", json={"name": "y"}).status_code == 200
