"""Helpers of the tests of API keys: how to create one, and the answers in each dialect's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.given.shapes import A_TIME, Shape
from tests.given.tenants import Client
from vitrine.library import organizations

if TYPE_CHECKING:
    from uuid import UUID

    from tests.given.tenants import Tenant
    from vitrine.models.people import Role

STUDIO, V1 = "/api/auth/api-keys", "/api/v1/api-keys"
A_KEY = Shape("an API key", r"sk_live_[0-9a-f]{64}")
# without "*", which grants all of them
ALL_SCOPES = ["admin:api-keys", "admin:users", "media:delete", "media:read", "media:write"]

UNAUTHORIZED = (
    401,
    {
        "error": "Missing or invalid authentication",
        "code": "unauthorized",
        "message": "Missing or invalid authentication",
    },
)
NOT_FOUND = (404, {"error": "API key not found", "code": "not_found", "message": "API key not found"})
V1_NOT_FOUND = (
    404,
    {"success": False, "error": "API key not found", "code": "HTTP_404", "info": {"timestamp": A_TIME}},
)


def rejected(status: int, code: str, sentence: str, *, at: str | None = None) -> tuple[int, dict[str, Any]]:
    """A Studio error; `at` is the path of the invalid field, if there is one."""
    if at is None:
        return status, {"error": sentence, "code": code, "message": sentence}
    whole = f"{at}: {sentence}"
    return status, {
        "error": whole,
        "code": code,
        "details": [{"path": at.split("."), "message": sentence}],
        "message": whole,
    }


def v1_rejected(status: int, sentence: str, code: str | None = None) -> tuple[int, dict[str, Any]]:
    return status, {
        "success": False,
        "error": sentence,
        "code": code or f"HTTP_{status}",
        "info": {"timestamp": A_TIME},
    }


def missing_scope(scope: str) -> tuple[int, dict[str, Any]]:
    return rejected(403, "insufficient_scope", f"This API key does not have the scope {scope}")


def create_key(
    client: Client, name: str = "A key", scopes: list[str] | None = None, **more: Any
) -> dict[str, Any]:
    """Create a key through the Studio API: `apiKey` describes it, `key` is its secret."""
    answer = client.post(STUDIO, json={"name": name, "scopes": scopes or ["media:read"], **more})
    assert answer.status_code == 200, answer.text
    created: dict[str, Any] = answer.json()
    return created


def list_keys(client: Client) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = client.get(STUDIO).json()["apiKeys"]
    return keys


def is_accepted(key: str) -> bool:
    answer = Client(key).get("/api/me")
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def create_person(tenant: Tenant, role: Role) -> UUID:
    """The id of a new member of this role, without key or session."""
    person = organizations.add_person(email=f"{uuid4().hex}@example.org", name="Somebody")
    organizations.add_member(tenant.id, person, role)
    return person
