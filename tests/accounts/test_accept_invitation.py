"""POST /api/auth/organization/accept-invitation"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID, uuid4

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.members import ORGANIZATION, PersonWithKey, audit_entries, rejected, roles
from tests.given.tenants import Client
from vitrine.library import organizations
from vitrine.models.people import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.given.tenants import Tenant

ABSENT = rejected(404, "not_found", "There is no such invitation, or it is not open any more")


def accept(client: Client, token: object) -> httpx.Response:
    return client.post(f"{ORGANIZATION}/accept-invitation", json={"token": token})


def invited(tenant: Tenant, email: str, role: Role = "editor") -> dict[str, Any]:
    invitation: dict[str, Any] = tenant.studio.post(
        f"{ORGANIZATION}/invite-member", json={"email": email, "role": role}
    ).json()
    return invitation


@pytest.mark.parametrize("role", get_args(Role))
def test_the_invited_person_becomes_a_member_with_the_role(tenant: Tenant, role: Role) -> None:
    person = PersonWithKey.new("Ada")
    invitation = invited(tenant, person.email.upper(), role)
    token = invitation.pop("token")

    answers = [accept(client, token) for client in (person.client, person.signed_in(), person.client)]

    assert [outcome(answer) for answer in answers] == [
        (200, {"invitation": invitation | {"status": "accepted"}, "member": person.shown(tenant, role)})
    ] * 3
    assert person.client.get("/api/me").json()["role"] == role
    assert audit_entries(tenant.id)[1:] == [
        ("invitation.accept", person.id, UUID(invitation["id"]), {"role": role})
    ]


def test_concurrent_acceptances_are_idempotent(tenant: Tenant) -> None:
    person = PersonWithKey.new()
    token = invited(tenant, person.email)["token"]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: outcome(accept(person.client, token)), range(8)))

    assert [status for status, _ in answers] == [200] * 8
    assert all(body == answers[0][1] for _, body in answers)
    assert len(audit_entries(tenant.id)) == 2


def test_a_person_who_signed_up_after_the_invitation_joins(tenant: Tenant) -> None:
    email = f"{uuid4().hex}@example.org"
    token = invited(tenant, email)["token"]

    person = PersonWithKey.new("Late", email)

    assert accept(person.client, token).json()["member"] == person.shown(tenant, "editor")


def test_another_person_cannot_accept_the_invitation(tenant: Tenant) -> None:
    person, other = PersonWithKey.new(), PersonWithKey.new()
    token = invited(tenant, person.email)["token"]

    assert outcome(accept(other.client, token)) == rejected(
        403, "other_recipient", "This invitation is for another e-mail address than yours"
    )
    assert outcome(accept(tenant.studio, token)) == rejected(
        403, "other_recipient", "This invitation is for another e-mail address than yours"
    )
    assert accept(person.client, token).status_code == 200
    assert outcome(accept(other.client, token)) == ABSENT
    assert roles(tenant) == {tenant.owner.user_id: "owner", person.id: "editor"}


def test_a_member_who_accepts_keeps_their_role(tenant: Tenant) -> None:
    person = PersonWithKey.new()
    token = invited(tenant, person.email, "viewer")["token"]
    organizations.add_member(tenant.id, person.id, "owner")  # by the operator

    answer = accept(person.client, token)

    assert (answer.status_code, answer.json()["member"]) == (200, person.shown(tenant, "owner"))


def expired(connection: Any, invitation: UUID) -> None:
    connection.execute("update invitations set expires_at = now() where id = %s", [invitation])


def canceled(connection: Any, invitation: UUID) -> None:
    connection.execute("update invitations set status = 'canceled' where id = %s", [invitation])


def of_a_deleted_organization(connection: Any, invitation: UUID) -> None:
    connection.execute(
        """
        update organizations set deleted_at = now()
         where id = (select organization_id from invitations where id = %s)
        """,
        [invitation],
    )


def by_a_removed_member(connection: Any, invitation: UUID) -> None:
    connection.execute(
        """
        delete from memberships
         where organization_id = (select organization_id from invitations where id = %s)
        """,
        [invitation],
    )


def by_a_former_admin(connection: Any, invitation: UUID) -> None:
    connection.execute(
        """
        update memberships set role = 'editor'
         where organization_id = (select organization_id from invitations where id = %s)
        """,
        [invitation],
    )


@pytest.mark.parametrize(
    "spoil", [expired, canceled, of_a_deleted_organization, by_a_removed_member, by_a_former_admin]
)
def test_an_invitation_that_is_not_open_is_not_found(
    tenant: Tenant, spoil: Callable[[Any, UUID], None]
) -> None:
    person, other = PersonWithKey.new(), PersonWithKey.new()
    invitation = invited(tenant, person.email)

    with owner() as connection:
        spoil(connection, UUID(invitation["id"]))

    assert [outcome(accept(client, invitation["token"])) for client in (person.client, other.client)] == [
        ABSENT,
        ABSENT,
    ]
    assert person.id not in roles(tenant)


@pytest.mark.parametrize(
    "alter",
    [
        lambda token: token[:-1],
        lambda token: token + " ",
        lambda token: token.swapcase(),
        lambda _: "x",
        lambda _: "%",
        lambda token: token * 5,
    ],
)
def test_a_malformed_token_is_not_found(tenant: Tenant, alter: Callable[[str], str]) -> None:
    person = PersonWithKey.new()

    assert outcome(accept(person.client, alter(invited(tenant, person.email)["token"]))) == ABSENT


def test_neither_the_invitations_id_nor_a_sessions_token_is_its_token(tenant: Tenant) -> None:
    person = PersonWithKey.new()
    invitation = invited(tenant, person.email)

    assert (
        outcome(accept(person.client, invitation["id"]))
        == outcome(accept(person.client, person.signed_in().token))
        == ABSENT
    )
    assert outcome(Client(None, token=invitation["token"]).get("/api/me")) == (
        401,
        {"error": "Missing or invalid authentication", "code": "unauthorized"},
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Required"),
        ({"token": None}, "Must be a string"),
        ({"token": 1}, "Must be a string"),
    ],
)
def test_a_token_is_required(body: dict[str, Any], sentence: str) -> None:
    assert outcome(
        PersonWithKey.new().client.post(f"{ORGANIZATION}/accept-invitation", json=body)
    ) == rejected(
        400,
        "invalid",
        f"token: {sentence}",
        ("token", sentence),
    )


@pytest.mark.parametrize("token", ["", "x" * 256])
def test_a_token_has_1_to_255_characters(token: str) -> None:
    answer = accept(PersonWithKey.new().client, token)

    assert (
        answer.status_code,
        answer.json()["code"],
        [each["path"] for each in answer.json()["details"]],
    ) == (400, "invalid", [["token"]])
