"""POST /api/auth/organization/update-member-role, and what holds whatever races: an organization keeps an
owner
"""

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
    AT,
    LAST_OWNER,
    OWNERS_ONLY,
    THE_ORGANIZATION,
    Somebody,
    acts,
    at_once,
    rejected,
    roles,
    waiting,
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
        f"{AT}/update-member-role",
        json={"memberId": person.hex if isinstance(person, UUID) else person, "role": role, **more},
    )


@pytest.mark.parametrize("role", get_args(Role))
def test_an_owner_gives_every_role(tenant: Tenant, role: Role) -> None:
    person = Somebody.of(tenant, "member")

    answer = change(tenant.studio, person.id, role)

    assert outcome(answer) == (200, person.shown(tenant, role))
    assert person.client.get("/api/me").json()["role"] == role
    assert acts(tenant.id) == (
        [("member.change_role", tenant.owner.user_id, person.id, {"from": "member", "to": role})]
        if role != "member"
        else []
    )


@pytest.mark.parametrize("was", ["admin", "editor", "member", "viewer"])
@pytest.mark.parametrize("role", ["admin", "editor", "member", "viewer"])
def test_an_admin_gives_every_other_role_to_everybody_else(tenant: Tenant, was: Role, role: Role) -> None:
    person = Somebody.of(tenant, was)

    assert outcome(change(Somebody.of(tenant, "admin").client, person.id, role)) == (
        200,
        person.shown(tenant, role),
    )


def test_an_admin_neither_makes_nor_unmakes_an_owner(tenant: Tenant) -> None:
    admin, second = Somebody.of(tenant, "admin"), Somebody.of(tenant, "owner")

    for person, role in (
        (admin, "owner"),
        (Somebody.of(tenant, "viewer"), "owner"),
        (second, "viewer"),
        (second, "owner"),
    ):
        assert outcome(change(admin.client, person.id, role)) == rejected(
            403, "insufficient_role", OWNERS_ONLY
        )
    assert roles(tenant)[second.id] == "owner"
    assert acts(tenant.id) == []


def test_an_admin_can_step_down_and_not_up_again(tenant: Tenant) -> None:
    admin = Somebody.of(tenant, "admin")

    assert change(admin.client, admin.id, "viewer").status_code == 200
    assert outcome(change(admin.client, admin.id, "admin")) == rejected(
        403, "insufficient_role", "This takes the role owner or admin; yours is viewer"
    )


def test_the_last_owner_stays(tenant: Tenant) -> None:
    me = tenant.owner.user_id

    assert outcome(change(tenant.studio, me, "admin")) == rejected(409, "last_owner", LAST_OWNER)
    assert change(tenant.studio, me, "owner").status_code == 200
    second = Somebody.of(tenant, "owner")
    assert change(tenant.studio, me, "admin").status_code == 200
    assert outcome(change(second.client, second.id, "viewer")) == rejected(409, "last_owner", LAST_OWNER)
    assert roles(tenant) == {me: "admin", second.id: "owner"}


def test_it_is_said_in_either_spelling_and_of_another_organization(tenant: Tenant, stranger: Tenant) -> None:
    person, admin = Somebody.of(stranger, "viewer"), Somebody.of(tenant, "viewer")
    stranger.studio.post(f"{AT}/add-member", json={"email": admin.email, "role": "admin"})

    answer = change(admin.client, str(person.id).upper(), "editor", organizationId=stranger.id.hex.upper())

    assert outcome(answer) == (200, person.shown(stranger, "editor"))


def test_who_is_not_in_it_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
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
def test_what_names_nobody_is_refused(tenant: Tenant, body: dict[str, Any], answer: tuple[int, Any]) -> None:
    assert outcome(tenant.studio.post(f"{AT}/update-member-role", json=body)) == answer


def test_who_loses_the_role_loses_what_they_offered(tenant: Tenant) -> None:
    second, invited = Somebody.of(tenant, "owner"), [Somebody.new() for _ in range(3)]
    tokens = [
        second.client.post(f"{AT}/invite-member", json={"email": person.email, "role": role}).json()["token"]
        for person, role in zip(invited, ("owner", "admin", "viewer"), strict=True)
    ]
    accept = {token: person.client for token, person in zip(tokens, invited, strict=True)}

    change(tenant.studio, second.id, "admin")
    as_owner = accept[tokens[0]].post(f"{AT}/accept-invitation", json={"token": tokens[0]}).status_code
    as_admin = accept[tokens[1]].post(f"{AT}/accept-invitation", json={"token": tokens[1]}).status_code
    change(tenant.studio, second.id, "editor")
    as_viewer = accept[tokens[2]].post(f"{AT}/accept-invitation", json={"token": tokens[2]}).status_code

    assert [as_owner, as_admin, as_viewer] == [404, 200, 404]


def test_the_role_that_counts_is_the_one_that_the_caller_has_then(tenant: Tenant, stranger: Tenant) -> None:
    person = Somebody.of(tenant, "viewer")

    for caller in (
        replace(tenant.caller("editor"), role="owner"),
        replace(stranger.owner, organization_id=tenant.id),
    ):
        with pytest.raises(Forbidden, match="This takes the role owner or admin"):
            members.change_role(caller, person.id, "admin")


# Races.


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_two_owners_who_demote_each_other_at_once_leave_one(tenant: Tenant, role: Role) -> None:
    second = Somebody.of(tenant, "owner")

    statuses = at_once(
        THE_ORGANIZATION,
        tenant.id,
        lambda: change(tenant.studio, second.id, role),
        lambda: change(second.client, tenant.owner.user_id, role),
    )

    assert sorted(statuses) == [200, 403]
    assert sorted(roles(tenant).values()) == sorted(["owner", role])


def test_two_owners_who_both_step_down_at_once_leave_one(tenant: Tenant) -> None:
    second = Somebody.of(tenant, "owner")

    statuses = at_once(
        THE_ORGANIZATION,
        tenant.id,
        lambda: change(tenant.studio, tenant.owner.user_id, "viewer"),
        lambda: change(second.client, second.id, "viewer"),
    )

    assert sorted(statuses) == [200, 409]
    assert sorted(roles(tenant).values()) == ["owner", "viewer"]


def test_two_owners_who_both_leave_at_once_leave_one(tenant: Tenant) -> None:
    second = Somebody.of(tenant, "owner")
    body = {"organizationId": tenant.id.hex}

    statuses = at_once(
        THE_ORGANIZATION,
        tenant.id,
        lambda: tenant.studio.post(f"{AT}/leave", json=body),
        lambda: second.client.post(f"{AT}/leave", json=body),
    )

    assert sorted(statuses) == [200, 409]
    assert list(roles(tenant).values()) == ["owner"]


def test_two_owners_who_remove_each_other_at_once_leave_one(tenant: Tenant) -> None:
    second = Somebody.of(tenant, "owner")

    def remove(client: Client, person: UUID) -> Callable[[], httpx.Response]:
        return lambda: client.post(
            f"{AT}/remove-member", json={"memberIdOrEmail": person.hex, "organizationId": tenant.id.hex}
        )

    statuses = at_once(
        THE_ORGANIZATION,
        tenant.id,
        remove(tenant.studio, second.id),
        remove(second.client, tenant.owner.user_id),
    )

    assert sorted(statuses) == [200, 403]
    assert list(roles(tenant).values()) == ["owner"]


def test_an_admin_who_is_removed_meanwhile_makes_nobody_anything(tenant: Tenant) -> None:
    admin, person = Somebody.of(tenant, "admin"), Somebody.of(tenant, "viewer")

    def gone_first() -> int:
        with owner() as connection, ThreadPoolExecutor(1) as threads:
            connection.execute(THE_ORGANIZATION, [tenant.id])
            answer = threads.submit(change, admin.client, person.id, "admin")
            while waiting(connection) < 1:
                time.sleep(0.01)
            connection.execute(
                "delete from memberships where organization_id = %s and user_id = %s", [tenant.id, admin.id]
            )
            connection.commit()
            return answer.result().status_code

    assert gone_first() == 403
    assert roles(tenant)[person.id] == "viewer"


def test_what_is_uploaded_meanwhile_does_not_wait(tenant: Tenant) -> None:
    """Rows that name their organization ask for a share of its row; members are changed under a lock that
    lets them.
    """
    with owner() as connection:
        connection.execute("select lock_organization(%s)", [tenant.id])

        answer = tenant.studio.post(
            f"/api/organization/{tenant.id.hex}/datasets", json={"name": "n"}, timeout=5
        )

    assert answer.status_code == 200


@pytest.mark.parametrize("round", range(3))
def test_many_owners_who_do_all_sorts_of_things_leave_one(tenant: Tenant, round: int) -> None:
    owners = [Somebody.owning(tenant), *(Somebody.of(tenant, "owner") for _ in range(7))]
    body = {"organizationId": tenant.id.hex}

    def deeds_of(person: Somebody, other: Somebody) -> list[Callable[[], httpx.Response]]:
        return [
            lambda: change(person.client, other.id, "viewer", **body),
            lambda: person.client.post(f"{AT}/leave", json=body),
            lambda: person.client.post(f"{AT}/remove-member", json={**body, "memberIdOrEmail": other.email}),
        ]

    deeds = [
        deed
        for place, person in enumerate(owners)
        for deed in deeds_of(person, owners[(place + 1 + round) % len(owners)])
    ]

    with ThreadPoolExecutor(len(deeds)) as threads:
        statuses = {answer.status_code for answer in threads.map(lambda deed: deed(), deeds)}

    assert statuses <= {200, 403, 404, 409}
    assert "owner" in roles(tenant).values()
