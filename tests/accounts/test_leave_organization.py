"""POST /api/auth/organization/leave"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from tests.given.answers import outcome
from tests.given.members import LAST_OWNER, ORGANIZATION, PersonWithKey, audit_entries, rejected, roles
from vitrine.models.people import Role

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Client, Tenant

ID = "Must be an id of 32 hexadecimal digits, hyphens allowed"


def leave(client: Client, organization: object) -> httpx.Response:
    return client.post(f"{ORGANIZATION}/leave", json={"organizationId": organization})


@pytest.mark.parametrize("role", get_args(Role))
def test_every_member_may_leave(tenant: Tenant, role: Role) -> None:
    person = PersonWithKey.of(tenant, role)

    answer, again = (leave(person.client, tenant.id.hex) for _ in range(2))

    assert outcome(answer) == (200, person.shown(tenant, role))
    assert outcome(again) == rejected(403, "other_organization", "No access to this item's organization")
    assert roles(tenant) == {tenant.owner.user_id: "owner"}
    assert audit_entries(tenant.id) == [("organization.leave", person.id, person.id, {"role": role})]


def test_the_last_owner_cannot_leave(tenant: Tenant) -> None:
    PersonWithKey.of(tenant, "admin")

    assert outcome(leave(tenant.studio, str(tenant.id))) == rejected(409, "last_owner", LAST_OWNER)
    assert roles(tenant)[tenant.owner.user_id] == "owner"


def test_the_organization_must_be_named(tenant: Tenant) -> None:
    person = PersonWithKey.of(tenant, "viewer")

    assert outcome(person.client.post(f"{ORGANIZATION}/leave", json={})) == rejected(
        400,
        "invalid",
        "organizationId: Required",
        ("organizationId", "Required"),
    )
    assert outcome(leave(person.client, "x")) == rejected(
        400, "invalid", f"organizationId: {ID}", ("organizationId", ID)
    )
    assert person.id in roles(tenant)
