"""GET /api/auth/organization/list-invitations"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.members import ORGANIZATION, PersonWithKey, rejected
from vitrine.library import organizations

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_invitations_are_listed_newest_first_with_their_status(tenant: Tenant) -> None:
    people = [PersonWithKey.new() for _ in range(4)]
    made = [
        tenant.studio.post(
            f"{ORGANIZATION}/invite-member", json={"email": person.email, "role": "viewer"}
        ).json()
        for person in people
    ]
    tokens = [each.pop("token") for each in made]
    people[1].client.post(f"{ORGANIZATION}/accept-invitation", json={"token": tokens[1]})
    tenant.studio.post(f"{ORGANIZATION}/cancel-invitation", json={"invitationId": made[2]["id"]})
    with owner() as connection:
        connection.execute(
            "update invitations set expires_at = created_at where id = %s", [UUID(made[3]["id"])]
        )

    answer = tenant.studio.get(f"{ORGANIZATION}/list-invitations")

    assert outcome(answer) == (
        200,
        [
            made[3] | {"status": "expired", "expiresAt": made[3]["createdAt"]},
            made[2] | {"status": "canceled"},
            made[1] | {"status": "accepted"},
            made[0],
        ],
    )


def test_invitations_of_a_named_organization_are_listed(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "admin")
    stranger.studio.post(f"{ORGANIZATION}/invite-member", json={"email": "a@example.org", "role": "viewer"})

    by_name = tenant.studio.get(
        f"{ORGANIZATION}/list-invitations", params={"organizationId": str(stranger.id)}
    )
    default = tenant.studio.get(f"{ORGANIZATION}/list-invitations", params={"organizationId": ""})

    assert [len(answer.json()) for answer in (by_name, default)] == [1, 0]


def test_a_malformed_id_is_rejected(tenant: Tenant) -> None:
    sentence = "Must be an id of 32 hexadecimal digits, hyphens allowed"

    assert outcome(
        tenant.studio.get(f"{ORGANIZATION}/list-invitations", params={"organizationId": "x"})
    ) == rejected(
        400,
        "invalid",
        f"organizationId: {sentence}",
        ("organizationId", sentence),
    )
