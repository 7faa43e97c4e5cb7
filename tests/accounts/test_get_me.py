"""GET /api/me"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from functions.get_me.handler import app
from tests.given.isolation_cases import NOWHERE, UNKNOWN_KEY, owner
from tests.given.loops import call
from tests.given.tenants import Client, http
from vitrine.credentials import fingerprint
from vitrine.library import organizations
from vitrine.settings import settings

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

UNAUTHORIZED = (401, {"error": "Missing or invalid authentication", "code": "unauthorized"})


def me(tenant: Tenant, role: str = "owner") -> dict[str, object]:
    return {
        "userId": tenant.owner.user_id.hex,
        "email": tenant.owner.email,
        "name": "An Owner",
        "organizationId": tenant.id.hex,
        "organizationName": tenant.owner.organization_name,
        "role": role,
    }


def test_the_caller_is_described(tenant: Tenant) -> None:
    answer = tenant.studio.get("/api/me")

    assert (answer.status_code, answer.json()) == (200, me(tenant))
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "application/json",
        "no-store",
    )


def test_a_key_is_read_from_either_header(tenant: Tenant, stranger: Tenant) -> None:
    mine, other = f"Bearer {tenant.studio.key}", stranger.studio.key or ""

    assert http().get("/api/me", headers={"authorization": mine}).json() == me(tenant)
    # as the clients send it
    assert http().get("/api/me", headers={"authorization": mine, "x-api-key": ""}).json() == me(tenant)
    assert http().get("/api/me", headers={"authorization": mine, "x-api-key": other}).json() == me(stranger)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "nonsense"},
        {"x-api-key": UNKNOWN_KEY},
        {"authorization": "Bearer"},
        {"authorization": "Basic x"},
        {"authorization": f"Bearer {UNKNOWN_KEY}"},
        {"authorization": f"bearer {UNKNOWN_KEY}"},
    ],
)
def test_an_unknown_credential_is_rejected_after_a_delay(header: dict[str, str]) -> None:
    began = time.monotonic()

    answer = http().get("/api/me", headers=header)

    assert (answer.status_code, answer.json()) == UNAUTHORIZED
    assert "www-authenticate" not in answer.headers
    assert time.monotonic() - began >= settings().credential_delay


def test_the_default_delay_is_a_tenth_of_a_second(
    another_environment: pytest.MonkeyPatch,
) -> None:
    another_environment.delenv("CREDENTIAL_DELAY", raising=False)
    began = time.monotonic()

    answer = call(app, "GET", "/api/me", headers={"x-api-key": UNKNOWN_KEY})

    assert answer.status_code == 401
    assert time.monotonic() - began >= 0.1


def test_an_expired_key_is_rejected(tenant: Tenant) -> None:
    client = Client(
        organizations.add_key(tenant.owner.user_id, "late", ["*"], datetime.now(UTC) - timedelta(seconds=1))
    )

    assert (client.get("/api/me").status_code, client.get("/api/me").json()) == UNAUTHORIZED


def test_a_revoked_key_is_rejected_at_once(tenant: Tenant) -> None:
    client = tenant.client()
    assert client.get("/api/me").status_code == 200

    with owner() as connection:
        connection.execute(
            "update api_keys set revoked_at = now() where key_hash = %s", [fingerprint(client.key or "")]
        )

    answer = client.get("/api/me")
    assert (answer.status_code, answer.json()) == UNAUTHORIZED


def test_the_first_of_two_organizations_is_used_unless_another_is_named(
    tenant: Tenant, stranger: Tenant
) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")
    there = me(tenant) | {
        "organizationId": stranger.id.hex,
        "organizationName": stranger.owner.organization_name,
        "role": "viewer",
    }

    assert tenant.studio.get("/api/me").json() == me(tenant)
    assert tenant.studio.get("/api/me", headers={"x-team-id": str(stranger.id)}).json() == there
    assert tenant.studio.get("/api/me", headers={"x-team-id": stranger.id.hex}).json() == there
    assert tenant.studio.get("/api/me", headers={"cookie": f"activeTeamId={stranger.id}"}).json() == there
    assert tenant.studio.get(
        "/api/me", headers={"x-team-id": str(tenant.id), "cookie": f"activeTeamId={stranger.id}"}
    ).json() == me(tenant)
    assert tenant.studio.get("/api/me", headers={"x-team-id": ""}).json() == me(tenant)


def test_an_organization_of_others_is_denied(tenant: Tenant, stranger: Tenant) -> None:
    answer = tenant.studio.get("/api/me", headers={"x-team-id": str(stranger.id)})

    assert (answer.status_code, answer.json()) == (
        403,
        {"error": "You are not a member of this organization", "code": "not_a_member"},
    )


@pytest.mark.parametrize("name", [NOWHERE, "nonsense", "'", "*"])
def test_a_missing_organization_is_not_found(tenant: Tenant, name: str) -> None:
    answer = tenant.studio.get("/api/me", headers={"x-team-id": name})

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "Organization not found", "code": "organization_not_found"},
    )


def test_a_person_in_no_organization_receives_organization_required() -> None:
    person = organizations.add_person(email=f"{uuid4().hex}@example.org", name="Somebody")

    answer = Client(organizations.add_key(person, "a key", ["*"])).get("/api/me")

    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "You belong to no organization yet", "code": "organization_required"},
    )


def test_a_removed_member_loses_access_at_once(tenant: Tenant) -> None:
    client = tenant.client("admin")
    assert client.get("/api/me").json()["role"] == "admin"

    with owner() as connection:
        connection.execute(
            "delete from memberships where organization_id = %s and role = 'admin'", [tenant.id]
        )

    assert client.get("/api/me", headers={"x-team-id": str(tenant.id)}).status_code == 403
    assert client.get(f"/api/organization/{tenant.id.hex}/datasets").status_code == 403
