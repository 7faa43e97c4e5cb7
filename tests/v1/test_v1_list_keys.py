"""GET /api/v1/api-keys"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.keys import STUDIO, V1, create_key, create_person, v1_rejected
from tests.given.shapes import A_TIME, hyphened
from tests.given.tenants import Client
from vitrine.library import sessions

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_a_persons_keys_are_listed_in_the_envelope_without_secrets(tenant: Tenant) -> None:
    session = tenant.signed_in()
    made = create_key(session, "For the import", ["media:write", "media:read"], expiresIn=3600)

    answer = session.get(V1)

    assert outcome(answer) == (
        200,
        {
            "success": True,
            "data": [
                {
                    "id": hyphened(made["apiKey"]["id"]),
                    "name": "For the import",
                    "keyPrefix": made["key"][:16],
                    "scopes": ["media:read", "media:write"],
                    "status": "active",
                    "lastUsedAt": None,
                    "expiresAt": made["apiKey"]["expiresAt"],
                    "createdAt": made["apiKey"]["createdAt"],
                }
            ],
            "info": {"timestamp": A_TIME},
        },
    )
    assert made["key"][16:] not in answer.text


def test_each_key_has_a_status(tenant: Tenant) -> None:
    session = tenant.signed_in()
    revoked, expired, active = (
        create_key(session, name)["apiKey"]["id"] for name in ("revoked", "expired", "active")
    )
    session.delete(f"{STUDIO}/{revoked}")
    with owner() as connection:
        connection.execute("update api_keys set expires_at = now() where id = %s::uuid", [expired])

    assert [(key["id"], key["name"], key["status"]) for key in session.get(V1).json()["data"]] == [
        (hyphened(active), "active", "active"),
        (hyphened(expired), "expired", "expired"),
        (hyphened(revoked), "revoked", "inactive"),
    ]


def test_the_last_use_is_reported(tenant: Tenant) -> None:
    made = create_key(tenant.signed_in(), scopes=["admin:api-keys"])

    assert [key["lastUsedAt"] for key in Client(made["key"]).get(V1).json()["data"]] == [A_TIME]


def test_only_a_persons_own_keys_are_listed(tenant: Tenant) -> None:
    create_key(
        Client(None, token=sessions.start(create_person(tenant, "owner"), address="", user_agent="").token)
    )

    assert outcome(tenant.signed_in().get(V1)) == (
        200,
        {"success": True, "data": [], "info": {"timestamp": A_TIME}},
    )


def test_a_key_without_the_scope_or_role_is_denied(tenant: Tenant) -> None:
    assert outcome(tenant.client("owner", ["media:read"]).get(V1)) == v1_rejected(
        403, "Insufficient permissions - admin:api-keys scope required", "INSUFFICIENT_SCOPE"
    )
    assert outcome(tenant.client("viewer").get(V1)) == v1_rejected(
        403, "Permission denied", "PERMISSION_DENIED"
    )
