"""POST /api/auth/organization/remove-member"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.members import (
    LAST_OWNER,
    ORGANIZATION,
    OWNERS_ONLY,
    PersonWithKey,
    audit_entries,
    rejected,
    roles,
)
from vitrine.errors import Forbidden
from vitrine.library import members

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.given.tenants import Client, Tenant


def remove(client: Client, named: object, **more: Any) -> httpx.Response:
    return client.post(f"{ORGANIZATION}/remove-member", json={"memberIdOrEmail": named, **more})


@pytest.mark.parametrize(
    "identify",
    [
        lambda person: person.id.hex,
        lambda person: str(person.id).upper(),
        lambda person: person.email,
        lambda person: f" {person.email.upper()} ",
    ],
)
def test_a_member_is_removed_by_id_or_address(
    tenant: Tenant, identify: Callable[[PersonWithKey], str]
) -> None:
    person = PersonWithKey.of(tenant, "editor")

    answer, again = (remove(tenant.studio, identify(person)) for _ in range(2))

    assert outcome(answer) == (200, {"member": person.shown(tenant, "editor")})
    assert outcome(again) == rejected(404, "not_found", "Member not found")
    assert roles(tenant) == {tenant.owner.user_id: "owner"}
    assert audit_entries(tenant.id) == [
        ("member.remove", tenant.owner.user_id, person.id, {"role": "editor"})
    ]


def test_the_next_request_of_a_removed_member_is_rejected(tenant: Tenant, stranger: Tenant) -> None:
    person = PersonWithKey.of(tenant, "editor")
    stranger.studio.post(f"{ORGANIZATION}/add-member", json={"email": person.email, "role": "viewer"})
    signed_in = person.signed_in()
    signed_in.post(f"{ORGANIZATION}/set-active", json={"organizationId": tenant.id.hex})
    listed, named = f"/api/organization/{tenant.id.hex}/datasets", {"x-team-id": tenant.id.hex}
    assert [client.get(listed).status_code for client in (person.client, signed_in)] == [200, 200]

    remove(tenant.studio, person.email)

    for client in (person.client, signed_in):
        assert outcome(client.get(listed)) == (
            403,
            {"error": "No access to this item's organization", "code": "other_organization"},
        )
        assert outcome(client.get("/api/me", headers=named)) == (
            403,
            {"error": "You are not a member of this organization", "code": "not_a_member"},
        )
        assert client.get("/api/v1/media", headers=named).json() == {
            "success": False,
            "error": "Access denied: You are not a member of this team",
            "code": "NOT_A_MEMBER",
        }
        assert client.get("/api/me").json()["organizationId"] == stranger.id.hex
    with owner() as connection:
        assert connection.execute(
            "select count(*) as n from sessions where user_id = %s and active_organization_id is not null",
            [person.id],
        ).fetchall() == [{"n": 0}]


def test_a_member_who_returns_does_not_regain_the_active_organization_of_an_old_session(
    tenant: Tenant, stranger: Tenant
) -> None:
    person = PersonWithKey.of(stranger, "viewer")
    tenant.studio.post(f"{ORGANIZATION}/add-member", json={"email": person.email, "role": "viewer"})
    signed_in = person.signed_in()
    signed_in.post(f"{ORGANIZATION}/set-active", json={"organizationId": tenant.id.hex})

    remove(tenant.studio, person.email)
    tenant.studio.post(f"{ORGANIZATION}/add-member", json={"email": person.email, "role": "viewer"})

    assert signed_in.get("/api/me").json()["organizationId"] == stranger.id.hex


def test_an_admin_removes_everybody_but_owners(tenant: Tenant) -> None:
    admin, second = PersonWithKey.of(tenant, "admin"), PersonWithKey.of(tenant, "owner")

    for role in ("admin", "editor", "member", "viewer"):
        assert remove(admin.client, PersonWithKey.of(tenant, role).email).status_code == 200
    assert outcome(remove(admin.client, second.email)) == rejected(403, "insufficient_role", OWNERS_ONLY)
    assert roles(tenant)[second.id] == "owner"


def test_the_last_owner_cannot_be_removed_or_demoted(tenant: Tenant) -> None:
    second = PersonWithKey.of(tenant, "owner")

    assert remove(second.client, tenant.owner.email, organizationId=tenant.id.hex).status_code == 200
    assert outcome(remove(second.client, second.id.hex)) == rejected(409, "last_owner", LAST_OWNER)


def test_invitations_by_a_removed_member_cannot_be_accepted(tenant: Tenant) -> None:
    admin, invited = PersonWithKey.of(tenant, "admin"), PersonWithKey.new()
    token = admin.client.post(
        f"{ORGANIZATION}/invite-member", json={"email": invited.email, "role": "viewer"}
    ).json()["token"]

    remove(tenant.studio, admin.email)

    assert outcome(
        invited.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": token})
    ) == rejected(
        404,
        "not_found",
        "There is no such invitation, or it is not open any more",
    )
    assert [each["status"] for each in tenant.studio.get(f"{ORGANIZATION}/list-invitations").json()] == [
        "canceled"
    ]


def test_a_used_token_does_not_readmit_a_removed_member(tenant: Tenant) -> None:
    person = PersonWithKey.new()
    token = tenant.studio.post(
        f"{ORGANIZATION}/invite-member", json={"email": person.email, "role": "viewer"}
    ).json()["token"]
    assert person.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": token}).status_code == 200

    remove(tenant.studio, person.email)

    assert person.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": token}).status_code == 404
    assert person.id not in roles(tenant)


def test_a_person_who_is_no_member_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
    for named in (
        NOWHERE,
        stranger.owner.user_id.hex,
        stranger.owner.email,
        "nobody@example.org",
        "x",
        "",
        "%",
    ):
        assert outcome(remove(tenant.studio, named)) == rejected(404, "not_found", "Member not found")


@pytest.mark.parametrize("named", [None, 1, [], "x" * 321])
def test_a_malformed_member_id_is_rejected(tenant: Tenant, named: object) -> None:
    answer = remove(tenant.studio, named)

    assert (
        answer.status_code,
        answer.json()["code"],
        [each["path"] for each in answer.json()["details"]],
    ) == (400, "invalid", [["memberIdOrEmail"]])


def test_the_callers_role_is_checked_again_in_the_transaction(tenant: Tenant, stranger: Tenant) -> None:
    person = PersonWithKey.of(tenant, "viewer")

    for caller in (
        replace(tenant.caller("editor"), role="owner"),
        replace(stranger.owner, organization_id=tenant.id),
    ):
        with pytest.raises(Forbidden, match="This takes the role owner or admin"):
            members.remove(caller, person=person.id)
    assert person.id in roles(tenant)
