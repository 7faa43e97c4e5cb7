"""GET /api/auth/organization/list"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.members import ORGANIZATION, PersonWithKey
from tests.given.shapes import A_TIME
from tests.given.tenants import Client
from vitrine.library import organizations

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def shown(tenant: Tenant, role: str) -> dict[str, object]:
    return {
        "id": tenant.id.hex,
        "name": tenant.owner.organization_name,
        "slug": tenant.name,
        "role": role,
        "createdAt": A_TIME,
    }


def test_organizations_are_listed_earliest_membership_first_whatever_is_named(
    tenant: Tenant, stranger: Tenant
) -> None:
    person = PersonWithKey.of(stranger, "viewer")
    organizations.add_member(tenant.id, person.id, "admin")

    answers = [
        client.get(f"{ORGANIZATION}/list", headers={"x-team-id": "nonsense"})
        for client in (person.client, person.signed_in())
    ]

    assert [outcome(answer) for answer in answers] == [
        (200, [shown(stranger, "viewer"), shown(tenant, "admin")])
    ] * 2


def test_without_memberships_the_list_is_empty() -> None:
    assert outcome(PersonWithKey.new().client.get(f"{ORGANIZATION}/list")) == (200, [])


def test_any_key_may_list_organizations(tenant: Tenant) -> None:
    key = organizations.add_key(tenant.owner.user_id, "a key", ["media:read"])

    assert outcome(Client(key).get(f"{ORGANIZATION}/list")) == (200, [shown(tenant, "owner")])


def test_a_deleted_organization_is_not_listed(tenant: Tenant) -> None:
    with owner() as connection:
        connection.execute("update organizations set deleted_at = now() where id = %s", [tenant.id])

    assert outcome(tenant.studio.get(f"{ORGANIZATION}/list")) == (200, [])
