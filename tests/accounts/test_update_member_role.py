"""POST /api/auth/organization/update-member-role. An organization keeps an owner, whatever requests race."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.members import (
    LAST_OWNER,
    ORGANIZATION,
    OWNERS_ONLY,
    THE_ORGANIZATION,
    PersonWithKey,
    audit_entries,
    count_waiting,
    rejected,
    roles,
    send_concurrently,
)
from vitrine.errors import Forbidden
from vitrine.library import members
from vitrine.models.people import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.given.tenants import Client, Tenant

ID = "Must be an id of 32 hexadecimal digits, hyphens allowed"


def change(client: Client, person: object, role: object, **more: Any) -> httpx.Response:
    return client.post(
        f"{ORGANIZATION}/update-member-role",
        json={"memberId": person.hex if isinstance(person, UUID) else person, "role": role, **more},
    )


@pytest.mark.parametrize("role", get_args(Role))
def test_an_owner_assigns_every_role(tenant: Tenant, role: Role) -> None:
    person = PersonWithKey.of(tenant, "member")

    answer = change(tenant.studio, person.id, role)

    assert outcome(answer) == (200, person.shown(tenant, role))
    assert person.client.get("/api/me").json()["role"] == role
    assert audit_entries(tenant.id) == (
        [("member.change_role", tenant.owner.user_id, person.id, {"from": "member", "to": role})]
        if role != "member"
        else []
    )


@pytest.mark.parametrize("was", ["admin", "editor", "member", "viewer"])
@pytest.mark.parametrize("role", ["admin", "editor", "member", "viewer"])
def test_an_admin_assigns_every_role_but_owner(tenant: Tenant, was: Role, role: Role) -> None:
    person = PersonWithKey.of(tenant, was)

    assert outcome(change(PersonWithKey.of(tenant, "admin").client, person.id, role)) == (
        200,
        person.shown(tenant, role),
    )


def test_an_admin_neither_promotes_nor_demotes_owners(tenant: Tenant) -> None:
    admin, second = PersonWithKey.of(tenant, "admin"), PersonWithKey.of(tenant, "owner")

    for person, role in (
        (admin, "owner"),
        (PersonWithKey.of(tenant, "viewer"), "owner"),
        (second, "viewer"),
        (second, "owner"),
    ):
        assert outcome(change(admin.client, person.id, role)) == rejected(
            403, "insufficient_role", OWNERS_ONLY
        )
    assert roles(tenant)[second.id] == "owner"
    assert audit_entries(tenant.id) == []


def test_an_admin_can_demote_themselves_but_not_back(tenant: Tenant) -> None:
    admin = PersonWithKey.of(tenant, "admin")

    assert change(admin.client, admin.id, "viewer").status_code == 200
    assert outcome(change(admin.client, admin.id, "admin")) == rejected(
        403, "insufficient_role", "This takes the role owner or admin; yours is viewer"
    )


def test_the_last_owner_cannot_be_removed_or_demoted(tenant: Tenant) -> None:
    me = tenant.owner.user_id

    assert outcome(change(tenant.studio, me, "admin")) == rejected(409, "last_owner", LAST_OWNER)
    assert change(tenant.studio, me, "owner").status_code == 200
    second = PersonWithKey.of(tenant, "owner")
    assert change(tenant.studio, me, "admin").status_code == 200
    assert outcome(change(second.client, second.id, "viewer")) == rejected(409, "last_owner", LAST_OWNER)
    assert roles(tenant) == {me: "admin", second.id: "owner"}


def test_ids_are_accepted_with_hyphens_and_the_organization_can_be_named(
    tenant: Tenant, stranger: Tenant
) -> None:
    person, admin = PersonWithKey.of(stranger, "viewer"), PersonWithKey.of(tenant, "viewer")
    stranger.studio.post(f"{ORGANIZATION}/add-member", json={"email": admin.email, "role": "admin"})

    answer = change(admin.client, str(person.id).upper(), "editor", organizationId=stranger.id.hex.upper())

    assert outcome(answer) == (200, person.shown(stranger, "editor"))


def test_a_person_who_is_no_member_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
    for person in (NOWHERE, stranger.owner.user_id, tenant.id):
        assert outcome(change(tenant.studio, person, "viewer")) == rejected(
            404, "not_found", "Member not found"
        )


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, rejected(400, "invalid", "memberId: Required", ("memberId", "Required"), ("role", "Required"))),
        ({"memberId": "x", "role": "viewer"}, rejected(400, "invalid", f"memberId: {ID}", ("memberId", ID))),
        ({"memberId": None, "role": "viewer"}, rejected(400, "invalid", f"memberId: {ID}", ("memberId", ID))),
    ],
)
def test_a_malformed_member_id_is_rejected(
    tenant: Tenant, body: dict[str, Any], answer: tuple[int, Any]
) -> None:
    assert outcome(tenant.studio.post(f"{ORGANIZATION}/update-member-role", json=body)) == answer


def test_invitations_by_a_demoted_admin_are_canceled(tenant: Tenant) -> None:
    second, invited = PersonWithKey.of(tenant, "owner"), [PersonWithKey.new() for _ in range(3)]
    tokens = [
        second.client.post(
            f"{ORGANIZATION}/invite-member", json={"email": person.email, "role": role}
        ).json()["token"]
        for person, role in zip(invited, ("owner", "admin", "viewer"), strict=True)
    ]
    accept = {token: person.client for token, person in zip(tokens, invited, strict=True)}

    change(tenant.studio, second.id, "admin")
    as_owner = (
        accept[tokens[0]].post(f"{ORGANIZATION}/accept-invitation", json={"token": tokens[0]}).status_code
    )
    as_admin = (
        accept[tokens[1]].post(f"{ORGANIZATION}/accept-invitation", json={"token": tokens[1]}).status_code
    )
    change(tenant.studio, second.id, "editor")
    as_viewer = (
        accept[tokens[2]].post(f"{ORGANIZATION}/accept-invitation", json={"token": tokens[2]}).status_code
    )

    assert [as_owner, as_admin, as_viewer] == [404, 200, 404]


def test_the_callers_role_is_checked_again_in_the_transaction(tenant: Tenant, stranger: Tenant) -> None:
    person = PersonWithKey.of(tenant, "viewer")

    for caller in (
        replace(tenant.caller("editor"), role="owner"),
        replace(stranger.owner, organization_id=tenant.id),
    ):
        with pytest.raises(Forbidden, match="This takes the role owner or admin"):
            members.change_role(caller, person.id, "admin")


# Races.


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_two_owners_who_demote_each_other_concurrently_leave_one(tenant: Tenant, role: Role) -> None:
    second = PersonWithKey.of(tenant, "owner")

    statuses = send_concurrently(
        THE_ORGANIZATION,
        tenant.id,
        lambda: change(tenant.studio, second.id, role),
        lambda: change(second.client, tenant.owner.user_id, role),
    )

    assert sorted(statuses) == [200, 403]
    assert sorted(roles(tenant).values()) == sorted(["owner", role])


def test_two_owners_who_demote_themselves_concurrently_leave_one(tenant: Tenant) -> None:
    second = PersonWithKey.of(tenant, "owner")

    statuses = send_concurrently(
        THE_ORGANIZATION,
        tenant.id,
        lambda: change(tenant.studio, tenant.owner.user_id, "viewer"),
        lambda: change(second.client, second.id, "viewer"),
    )

    assert sorted(statuses) == [200, 409]
    assert sorted(roles(tenant).values()) == ["owner", "viewer"]


def test_two_owners_who_leave_concurrently_leave_one(tenant: Tenant) -> None:
    second = PersonWithKey.of(tenant, "owner")
    body = {"organizationId": tenant.id.hex}

    statuses = send_concurrently(
        THE_ORGANIZATION,
        tenant.id,
        lambda: tenant.studio.post(f"{ORGANIZATION}/leave", json=body),
        lambda: second.client.post(f"{ORGANIZATION}/leave", json=body),
    )

    assert sorted(statuses) == [200, 409]
    assert list(roles(tenant).values()) == ["owner"]


def test_two_owners_who_remove_each_other_concurrently_leave_one(tenant: Tenant) -> None:
    second = PersonWithKey.of(tenant, "owner")

    def remove(client: Client, person: UUID) -> Callable[[], httpx.Response]:
        return lambda: client.post(
            f"{ORGANIZATION}/remove-member",
            json={"memberIdOrEmail": person.hex, "organizationId": tenant.id.hex},
        )

    statuses = send_concurrently(
        THE_ORGANIZATION,
        tenant.id,
        remove(tenant.studio, second.id),
        remove(second.client, tenant.owner.user_id),
    )

    assert sorted(statuses) == [200, 403]
    assert list(roles(tenant).values()) == ["owner"]


def test_an_admin_who_is_removed_meanwhile_changes_no_role(tenant: Tenant) -> None:
    admin, person = PersonWithKey.of(tenant, "admin"), PersonWithKey.of(tenant, "viewer")

    def removed_first() -> int:
        with owner() as connection, ThreadPoolExecutor(1) as threads:
            connection.execute(THE_ORGANIZATION, [tenant.id])
            answer = threads.submit(change, admin.client, person.id, "admin")
            while count_waiting(connection) < 1:
                time.sleep(0.01)
            connection.execute(
                "delete from memberships where organization_id = %s and user_id = %s", [tenant.id, admin.id]
            )
            connection.commit()
            return answer.result().status_code

    assert removed_first() == 403
    assert roles(tenant)[person.id] == "viewer"


def test_uploads_do_not_wait_for_changes_of_members(tenant: Tenant) -> None:
    """Inserting a row of an organization takes `for key share` on its row; members are changed under a lock
    that permits it.
    """
    with owner() as connection:
        connection.execute("select lock_organization(%s)", [tenant.id])

        answer = tenant.studio.post(
            f"/api/organization/{tenant.id.hex}/datasets", json={"name": "n"}, timeout=5
        )

    assert answer.status_code == 200


@pytest.mark.parametrize("round", range(3))
def test_owners_who_act_concurrently_leave_at_least_one(tenant: Tenant, round: int) -> None:
    owners = [PersonWithKey.owning(tenant), *(PersonWithKey.of(tenant, "owner") for _ in range(7))]
    body = {"organizationId": tenant.id.hex}

    def changes_of(person: PersonWithKey, other: PersonWithKey) -> list[Callable[[], httpx.Response]]:
        return [
            lambda: change(person.client, other.id, "viewer", **body),
            lambda: person.client.post(f"{ORGANIZATION}/leave", json=body),
            lambda: person.client.post(
                f"{ORGANIZATION}/remove-member", json={**body, "memberIdOrEmail": other.email}
            ),
        ]

    changes = [
        send
        for place, person in enumerate(owners)
        for send in changes_of(person, owners[(place + 1 + round) % len(owners)])
    ]

    with ThreadPoolExecutor(len(changes)) as threads:
        statuses = {answer.status_code for answer in threads.map(lambda send: send(), changes)}

    assert statuses <= {200, 403, 404, 409}
    assert "owner" in roles(tenant).values()
