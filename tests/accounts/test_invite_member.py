"""POST /api/auth/organization/invite-member"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID, uuid4

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.members import (
    ORGANIZATION,
    OWNERS_ONLY,
    PersonWithKey,
    audit_entries,
    changed_setting,
    rejected,
)
from tests.given.shapes import A_TIME, AN_ID, Shape
from vitrine.credentials import fingerprint
from vitrine.errors import Conflict, Forbidden
from vitrine.library import members
from vitrine.models.people import Role

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Client, Tenant

A_TOKEN = Shape("a token", r"[A-Za-z0-9_-]{43}")
EMAIL = "Must be an e-mail address"


def invite(client: Client, email: object, role: object = "editor", **more: Any) -> httpx.Response:
    return client.post(f"{ORGANIZATION}/invite-member", json={"email": email, "role": role, **more})


def address() -> str:
    return f"{uuid4().hex}@example.org"


@pytest.mark.parametrize("role", get_args(Role))
def test_an_address_with_or_without_an_account_can_be_invited(tenant: Tenant, role: Role) -> None:
    unknown, known = address(), PersonWithKey.new().email

    answers = [invite(tenant.studio, email, role) for email in (unknown, known)]

    assert [outcome(answer) for answer in answers] == [
        (
            200,
            {
                "id": AN_ID,
                "organizationId": tenant.id.hex,
                "email": email,
                "role": role,
                "status": "pending",
                "inviterId": tenant.owner.user_id.hex,
                "createdAt": A_TIME,
                "expiresAt": A_TIME,
                "token": A_TOKEN,
            },
        )
        for email in (unknown, known)
    ]
    until = datetime.fromisoformat(answers[0].json()["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < until <= timedelta(days=7)
    assert audit_entries(tenant.id) == [
        ("invitation.create", tenant.owner.user_id, UUID(answer.json()["id"]), {"role": role})
        for answer in answers
    ]


def test_only_the_hash_of_the_token_is_stored(tenant: Tenant) -> None:
    answer = invite(tenant.studio, address()).json()

    with owner() as connection:
        kept = connection.execute(
            "select i::text as whole, token_hash from invitations i where id = %s", [UUID(answer["id"])]
        ).fetchone()
    assert kept is not None
    assert kept["token_hash"] == fingerprint(answer["token"])
    assert answer["token"] not in kept["whole"]
    assert answer["token"] not in tenant.studio.get(f"{ORGANIZATION}/list-invitations").text


def test_a_new_invitation_replaces_the_pending_one(tenant: Tenant) -> None:
    person, admin = PersonWithKey.new(), PersonWithKey.of(tenant, "admin")

    first = invite(tenant.studio, person.email, "admin").json()
    second = invite(admin.client, person.email.upper(), "viewer").json()

    assert second == first | {
        "role": "viewer",
        "inviterId": admin.id.hex,
        "createdAt": A_TIME,
        "expiresAt": A_TIME,
        "token": A_TOKEN,
    }
    assert [each["role"] for each in tenant.studio.get(f"{ORGANIZATION}/list-invitations").json()] == [
        "viewer"
    ]
    assert (
        person.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": first["token"]}).status_code
        == 404
    )
    assert (
        person.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": second["token"]}).json()[
            "member"
        ]["role"]
        == "viewer"
    )


def test_two_organizations_may_invite_the_same_address(tenant: Tenant, stranger: Tenant) -> None:
    email = address()

    assert [invite(each.studio, email).status_code for each in (tenant, stranger)] == [200, 200]


def test_concurrent_invitations_of_an_address_leave_one_pending(tenant: Tenant) -> None:
    person = PersonWithKey.new()

    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(lambda _: invite(tenant.studio, person.email).json()["token"], range(8)))

    assert len(tenant.studio.get(f"{ORGANIZATION}/list-invitations").json()) == 1
    assert (
        sorted(
            person.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": token}).status_code
            for token in tokens
        )
        == [200] + [404] * 7
    )


def test_only_owners_invite_owners(tenant: Tenant) -> None:
    admin = PersonWithKey.of(tenant, "admin")

    assert outcome(invite(admin.client, address(), "owner")) == rejected(
        403, "insufficient_role", OWNERS_ONLY
    )
    assert invite(admin.client, address(), "admin").status_code == 200


def test_a_member_cannot_be_invited(tenant: Tenant) -> None:
    assert outcome(invite(tenant.studio, PersonWithKey.of(tenant, "viewer").email.upper())) == rejected(
        409,
        "already_member",
        "Whoever has this e-mail address is a member already",
    )


def test_pending_invitations_are_limited(tenant: Tenant) -> None:
    admin = tenant.caller("admin")

    with changed_setting("MAX_INVITATIONS", "2"):
        first = members.invite(admin, address(), "viewer").invitation
        members.invite(admin, address(), "viewer")
        with pytest.raises(Conflict, match="Too many invitations are pending"):
            members.invite(admin, address(), "viewer")
        members.invite(admin, first.email, "editor")  # replaces
        with owner() as connection:
            connection.execute("update invitations set expires_at = now() where id = %s", [first.id])
        members.invite(admin, address(), "viewer")  # an expired one does not count
        members.cancel_invitation(admin, members.list_invitations(admin)[0].id)
        members.invite(admin, address(), "viewer")  # nor does one that was canceled


@pytest.mark.parametrize("email", ["", "x", "@", "a b@example.org", "x" * 310 + "@example.org", None, 1])
def test_a_malformed_address_is_rejected(tenant: Tenant, email: object) -> None:
    assert outcome(invite(tenant.studio, email)) == rejected(
        400, "invalid", f"email: {EMAIL}", ("email", EMAIL)
    )


def test_an_address_of_320_characters_is_accepted(tenant: Tenant) -> None:
    assert invite(tenant.studio, "x" * 308 + "@example.org").status_code == 200


@pytest.mark.parametrize("role", ["", "Owner", None, 1, ["admin"]])
def test_an_unknown_role_is_rejected(tenant: Tenant, role: object) -> None:
    answer = invite(tenant.studio, address(), role)

    assert (
        answer.status_code,
        answer.json()["code"],
        [each["path"] for each in answer.json()["details"]],
    ) == (400, "invalid", [["role"]])


def test_the_callers_role_is_checked_again_in_the_transaction(tenant: Tenant, stranger: Tenant) -> None:
    for caller in (
        replace(tenant.caller("editor"), role="owner"),
        replace(stranger.owner, organization_id=tenant.id),
    ):
        with pytest.raises(Forbidden, match="This takes the role owner or admin"):
            members.invite(caller, address(), "viewer")
    assert members.list_invitations(tenant.owner) == []
