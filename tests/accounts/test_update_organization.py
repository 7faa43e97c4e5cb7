"""POST /api/auth/organization/update"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.given.answers import outcome
from tests.given.members import ORGANIZATION, PersonWithKey, audit_entries, rejected
from tests.given.shapes import A_TIME
from vitrine.errors import Forbidden
from vitrine.library import members, organizations

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant


def update(tenant: Tenant, **body: Any) -> httpx.Response:
    return tenant.studio.post(f"{ORGANIZATION}/update", json=body)


def test_name_and_slug_are_changed_each_alone(tenant: Tenant) -> None:
    word = uuid4().hex
    renamed = {
        "id": tenant.id.hex,
        "name": "A new name",
        "slug": tenant.name,
        "role": "owner",
        "createdAt": A_TIME,
    }

    by_name = update(tenant, data={"name": "A new name", "logo": "dropped"})
    by_slug = tenant.client("admin").post(
        f"{ORGANIZATION}/update", json={"data": {"slug": word}, "organizationId": str(tenant.id)}
    )

    assert outcome(by_name) == (200, renamed)
    assert outcome(by_slug) == (200, renamed | {"slug": word, "role": "admin"})
    assert tenant.studio.get("/api/me").json()["organizationName"] == "A new name"
    assert audit_entries(tenant.id) == [
        ("organization.update", tenant.owner.user_id, tenant.id, {"name": "A new name"}),
        ("organization.update", tenant.caller("admin").user_id, tenant.id, {"slug": word}),
    ]


def test_an_organization_can_be_set_to_its_present_slug(tenant: Tenant) -> None:
    assert update(tenant, data={"slug": tenant.name}).status_code == 200


def test_another_organizations_slug_is_a_conflict(tenant: Tenant, stranger: Tenant) -> None:
    assert outcome(update(tenant, data={"name": "x", "slug": stranger.name})) == rejected(
        409, "slug_taken", "This slug is taken"
    )
    assert tenant.studio.get("/api/me").json()["organizationName"] == tenant.owner.organization_name
    assert audit_entries(tenant.id) == []


SLUG = "slug must have 1 to 100 characters: a-z and 0-9, with single hyphens between them"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, rejected(400, "invalid", "data: Required", ("data", "Required"))),
        ({"data": "x"}, rejected(400, "invalid", "data: Must be an object", ("data", "Must be an object"))),
        ({"data": {}}, rejected(400, "invalid", "data must hold a name or a slug")),
        ({"data": {"name": None}}, rejected(400, "invalid", "data must hold a name or a slug")),
        (
            {"data": {"name": 1}},
            rejected(400, "invalid", "data.name: Must be a string", ("data.name", "Must be a string")),
        ),
        ({"data": {"name": ""}}, rejected(400, "invalid", "name must have 1 to 100 characters")),
        ({"data": {"name": "x" * 101}}, rejected(400, "invalid", "name must have 1 to 100 characters")),
        ({"data": {"slug": "A b"}}, rejected(400, "invalid", SLUG)),
        (
            {"data": {"name": "x"}, "organizationId": "nonsense"},
            rejected(
                400,
                "invalid",
                "organizationId: Must be an id of 32 hexadecimal digits, hyphens allowed",
                ("organizationId", "Must be an id of 32 hexadecimal digits, hyphens allowed"),
            ),
        ),
    ],
)
def test_an_invalid_change_is_rejected(tenant: Tenant, body: dict[str, Any], answer: tuple[int, Any]) -> None:
    assert outcome(update(tenant, **body)) == answer


def test_a_header_must_not_contradict_the_body(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "owner")
    body = {"data": {"name": "x"}, "organizationId": stranger.id.hex}

    contradicted = tenant.studio.post(
        f"{ORGANIZATION}/update", json=body, headers={"x-team-id": tenant.id.hex}
    )
    by_cookie = tenant.studio.post(
        f"{ORGANIZATION}/update", json=body, headers={"cookie": f"activeTeamId={tenant.id.hex}"}
    )

    assert outcome(contradicted) == rejected(404, "not_found", "Organization not found")
    assert by_cookie.json()["id"] == stranger.id.hex


def test_the_callers_role_is_checked_again_in_the_transaction(tenant: Tenant, stranger: Tenant) -> None:
    """The role may be lost after the request was admitted."""
    viewer = tenant.caller("viewer")

    for caller in (replace(viewer, role="owner"), replace(stranger.owner, organization_id=tenant.id)):
        with pytest.raises(Forbidden, match="This takes the role owner or admin"):
            members.rename_organization(caller, "Taken over", None)


def test_a_person_can_be_named_only_where_they_are(tenant: Tenant) -> None:
    assert outcome(
        PersonWithKey.new().client.post(f"{ORGANIZATION}/update", json={"data": {"name": "x"}})
    ) == rejected(
        400,
        "organization_required",
        "You belong to no organization yet",
    )
