"""POST /api/auth/organization/cancel-invitation"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE
from tests.given.members import ORGANIZATION, PersonWithKey, audit_entries, rejected
from vitrine.errors import Forbidden
from vitrine.library import members

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Client, Tenant

ID = "Must be an id of 32 hexadecimal digits, hyphens allowed"


def cancel(client: Client, invitation: object, **more: Any) -> httpx.Response:
    return client.post(f"{ORGANIZATION}/cancel-invitation", json={"invitationId": invitation, **more})


@pytest.fixture
def person() -> PersonWithKey:
    return PersonWithKey.new()


@pytest.fixture
def invitation(tenant: Tenant, person: PersonWithKey) -> dict[str, Any]:
    invitation: dict[str, Any] = tenant.studio.post(
        f"{ORGANIZATION}/invite-member", json={"email": person.email, "role": "viewer"}
    ).json()
    return invitation


def test_a_canceled_invitation_cannot_be_accepted(
    tenant: Tenant, person: PersonWithKey, invitation: dict[str, Any]
) -> None:
    admin = PersonWithKey.of(tenant, "admin")
    token = invitation.pop("token")

    answers = [cancel(admin.client, form) for form in (invitation["id"], str(UUID(invitation["id"])).upper())]

    assert [outcome(answer) for answer in answers] == [(200, invitation | {"status": "canceled"})] * 2
    assert outcome(
        person.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": token})
    ) == rejected(
        404,
        "not_found",
        "There is no such invitation, or it is not open any more",
    )
    assert audit_entries(tenant.id)[1:] == [("invitation.cancel", admin.id, UUID(invitation["id"]), {})]


def test_the_address_can_be_invited_again(
    tenant: Tenant, person: PersonWithKey, invitation: dict[str, Any]
) -> None:
    cancel(tenant.studio, invitation["id"])

    again = tenant.studio.post(
        f"{ORGANIZATION}/invite-member", json={"email": person.email, "role": "editor"}
    ).json()

    assert again["id"] != invitation["id"]
    assert (
        person.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": again["token"]}).json()[
            "member"
        ]["role"]
        == "editor"
    )


def test_an_accepted_invitation_cannot_be_canceled(
    tenant: Tenant, person: PersonWithKey, invitation: dict[str, Any]
) -> None:
    person.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": invitation["token"]})

    assert outcome(cancel(tenant.studio, invitation["id"])) == rejected(
        409, "already_accepted", "This invitation was accepted already"
    )


def test_another_organizations_invitation_is_not_found(stranger: Tenant, invitation: dict[str, Any]) -> None:
    for named in (invitation["id"], NOWHERE):
        assert outcome(cancel(stranger.studio, named)) == rejected(404, "not_found", "Invitation not found")


@pytest.mark.parametrize("wrong", ["", "x", None, 1])
def test_a_malformed_id_is_rejected(tenant: Tenant, wrong: object) -> None:
    assert outcome(cancel(tenant.studio, wrong)) == rejected(
        400, "invalid", f"invitationId: {ID}", ("invitationId", ID)
    )


def test_the_callers_role_is_checked_again_in_the_transaction(
    tenant: Tenant, stranger: Tenant, invitation: dict[str, Any]
) -> None:
    for caller in (
        replace(tenant.caller("editor"), role="owner"),
        replace(stranger.owner, organization_id=tenant.id),
    ):
        with pytest.raises(Forbidden, match="This takes the role owner or admin"):
            members.cancel_invitation(caller, UUID(invitation["id"]))
    assert tenant.studio.get(f"{ORGANIZATION}/list-invitations").json()[0]["status"] == "pending"
