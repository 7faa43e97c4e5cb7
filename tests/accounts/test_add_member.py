"""POST /api/auth/organization/add-member"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args
from uuid import uuid4

import pytest

from functions.add_member.handler import app
from tests.given.answers import outcome
from tests.given.loops import call
from tests.given.members import (
    ORGANIZATION,
    OWNERS_ONLY,
    PersonWithKey,
    audit_entries,
    changed_setting,
    rejected,
    roles,
)
from tests.given.shapes import TOO_MANY
from vitrine.errors import Forbidden
from vitrine.library import members
from vitrine.models.people import Role

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Client, Tenant

EMAIL = "Must be an e-mail address"


def add(client: Client, email: object, role: object = "editor", **more: Any) -> httpx.Response:
    return client.post(f"{ORGANIZATION}/add-member", json={"email": email, "role": role, **more})


@pytest.mark.parametrize("role", get_args(Role))
def test_a_person_with_an_account_becomes_a_member(tenant: Tenant, role: Role) -> None:
    person = PersonWithKey.new("Ada")

    answer = add(tenant.studio, person.email, role)

    assert outcome(answer) == (200, person.shown(tenant, role))
    assert person.client.get("/api/me").json()["role"] == role
    assert audit_entries(tenant.id) == [("member.add", tenant.owner.user_id, person.id, {"role": role})]


@pytest.mark.parametrize("write", [str.upper, lambda email: f"  {email}\n", str.title])
def test_an_address_is_compared_without_case_and_blanks(tenant: Tenant, write: Any) -> None:
    person = PersonWithKey.new()

    assert outcome(add(tenant.studio, write(person.email))) == (200, person.shown(tenant, "editor"))


def test_a_member_is_added_to_the_named_organization(tenant: Tenant, stranger: Tenant) -> None:
    person, admin = PersonWithKey.new(), PersonWithKey.of(tenant, "viewer")
    add(stranger.studio, admin.email, "admin")

    answer = add(admin.client, person.email, organizationId=str(stranger.id))

    assert outcome(answer) == (200, person.shown(stranger, "editor"))


def test_an_unknown_address_is_reported(tenant: Tenant) -> None:
    assert outcome(add(tenant.studio, f"{uuid4().hex}@example.org")) == rejected(
        404,
        "no_such_person",
        "Nobody here has this e-mail address; an invitation can be sent to it",
    )


def test_unknown_addresses_are_rate_limited(tenant: Tenant) -> None:
    headers = {"x-api-key": tenant.client("admin").key or ""}

    with changed_setting("AUTH_LIMIT", "2"):
        answers = [
            call(
                app,
                "POST",
                f"{ORGANIZATION}/add-member",
                json={"email": f"{uuid4().hex}@example.org", "role": "viewer"},
                headers=headers,
            )
            for _ in range(3)
        ]

    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert answers[2].json() == {
        "error": TOO_MANY,
        "code": "rate_limited",
        "message": TOO_MANY,
    }
    assert int(answers[2].headers["retry-after"]) > 0


def test_a_member_cannot_be_added_again(tenant: Tenant) -> None:
    person = PersonWithKey.of(tenant, "viewer")

    answers = [add(tenant.studio, person.email, role) for role in ("viewer", "admin")]

    assert [outcome(answer) for answer in answers] == [
        rejected(409, "already_member", "Whoever has this e-mail address is a member already"),
    ] * 2
    assert roles(tenant)[person.id] == "viewer"


def test_concurrent_requests_add_a_person_once(tenant: Tenant) -> None:
    person = PersonWithKey.new()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: add(tenant.studio, person.email).status_code, range(8)))

    assert sorted(answers) == [200] + [409] * 7
    assert len(audit_entries(tenant.id)) == 1


def test_only_owners_add_owners(tenant: Tenant) -> None:
    person = PersonWithKey.new()

    assert outcome(add(PersonWithKey.of(tenant, "admin").client, person.email, "owner")) == rejected(
        403, "insufficient_role", OWNERS_ONLY
    )
    assert person.id not in roles(tenant)
    assert add(PersonWithKey.of(tenant, "admin").client, person.email, "admin").status_code == 200


def test_adding_a_person_cancels_their_invitation(tenant: Tenant) -> None:
    person = PersonWithKey.new()
    token = tenant.studio.post(
        f"{ORGANIZATION}/invite-member", json={"email": person.email.upper(), "role": "admin"}
    ).json()["token"]

    add(tenant.studio, person.email, "viewer")
    assert [each["status"] for each in tenant.studio.get(f"{ORGANIZATION}/list-invitations").json()] == [
        "canceled"
    ]
    tenant.studio.post(f"{ORGANIZATION}/remove-member", json={"memberIdOrEmail": person.email})

    assert person.client.post(f"{ORGANIZATION}/accept-invitation", json={"token": token}).status_code == 404


@pytest.mark.parametrize(
    "email",
    [
        "",
        "x",
        "@",
        "x@",
        "@x",
        "a b@example.org",
        "a\u0085@example.org",
        "x" * 310 + "@example.org",
        None,
        1,
        ["a@b"],
    ],
)
def test_a_malformed_address_is_rejected(tenant: Tenant, email: object) -> None:
    assert outcome(add(tenant.studio, email)) == rejected(400, "invalid", f"email: {EMAIL}", ("email", EMAIL))


@pytest.mark.parametrize("role", ["", "Owner", "superadmin", "owner,admin", None, 1, ["admin"]])
def test_an_unknown_role_is_rejected(tenant: Tenant, role: object) -> None:
    answer = add(tenant.studio, "a@example.org", role)

    assert (
        answer.status_code,
        answer.json()["code"],
        [each["path"] for each in answer.json()["details"]],
    ) == (400, "invalid", [["role"]])


def test_a_nul_character_is_rejected(tenant: Tenant) -> None:
    assert outcome(add(tenant.studio, "a\0@example.org")) == rejected(
        400, "invalid", "A text holds a character that cannot be stored"
    )


def test_every_invalid_field_is_named(tenant: Tenant) -> None:
    assert outcome(tenant.studio.post(f"{ORGANIZATION}/add-member", json={})) == rejected(
        400,
        "invalid",
        "email: Required",
        ("email", "Required"),
        ("role", "Required"),
    )


def test_the_callers_role_is_checked_again_in_the_transaction(tenant: Tenant, stranger: Tenant) -> None:
    person = PersonWithKey.new()

    for caller in (
        replace(tenant.caller("editor"), role="owner"),
        replace(stranger.owner, organization_id=tenant.id),
    ):
        with pytest.raises(Forbidden, match="This takes the role owner or admin"):
            members.add(caller, person.email, "viewer")
    assert person.id not in roles(tenant)
