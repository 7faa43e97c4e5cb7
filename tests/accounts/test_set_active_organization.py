"""POST /api/auth/organization/set-active"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from functions.set_active_organization.handler import app
from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.loops import call
from tests.given.members import ORGANIZATION, changed_setting, rejected
from tests.given.shapes import A_TIME
from tests.given.tenants import Client
from vitrine.library import organizations

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

ID = "Must be an id of 32 hexadecimal digits, hyphens allowed"


def set_active(client: Client, organization: object, **headers: str) -> httpx.Response:
    return client.post(f"{ORGANIZATION}/set-active", json={"organizationId": organization}, headers=headers)


def active(client: Client, **headers: str) -> str:
    organization: str = client.get("/api/me", headers=headers).json()["organizationId"]
    return organization


@pytest.fixture
def two(tenant: Tenant, stranger: Tenant) -> Tenant:
    """The second organization that the owner of the first is in."""
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")
    return stranger


def test_the_active_organization_is_stored_with_the_session_and_sent_as_a_cookie(
    tenant: Tenant, two: Tenant
) -> None:
    chosen, other = tenant.signed_in(), tenant.signed_in()

    answer = set_active(chosen, two.id.hex)

    assert outcome(answer) == (
        200,
        {
            "id": two.id.hex,
            "name": two.owner.organization_name,
            "slug": two.name,
            "role": "viewer",
            "createdAt": A_TIME,
        },
    )
    assert answer.headers.get_list("set-cookie") == [
        f"activeTeamId={two.id}; Max-Age=31536000; Path=/; SameSite=Lax"
    ]
    assert [active(chosen), active(other), active(tenant.studio)] == [
        two.id.hex,
        tenant.id.hex,
        tenant.id.hex,
    ]
    assert (
        active(chosen, **{"x-team-id": tenant.id.hex})
        == active(chosen, cookie=f"activeTeamId={tenant.id}")
        == tenant.id.hex
    )


def test_null_leaves_no_organization_active(tenant: Tenant, two: Tenant) -> None:
    signed_in = tenant.signed_in()
    set_active(signed_in, str(two.id))

    answer = set_active(signed_in, None)

    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (
        200,
        None,
        "application/json",
    )
    assert answer.headers.get_list("set-cookie") == ["activeTeamId=; Max-Age=0; Path=/; SameSite=Lax"]
    assert active(signed_in) == tenant.id.hex


def test_over_https_the_cookie_is_secure(tenant: Tenant) -> None:
    headers = {"authorization": f"Bearer {tenant.signed_in().token}"}

    with changed_setting("ORIGIN", "https://api.test"):
        cookies = [
            call(
                app, "POST", f"{ORGANIZATION}/set-active", json={"organizationId": chosen}, headers=headers
            ).headers["set-cookie"]
            for chosen in (tenant.id.hex, None)
        ]

    assert cookies == [
        f"activeTeamId={tenant.id}; Max-Age=31536000; Path=/; SameSite=Lax; Secure",
        "activeTeamId=; Max-Age=0; Path=/; SameSite=Lax; Secure",
    ]


def test_v1_ignores_the_sessions_active_organization(tenant: Tenant, two: Tenant) -> None:
    signed_in = tenant.signed_in()
    set_active(signed_in, two.id.hex)
    folder = two.studio.post("/api/folder", json={"datasetId": two.collection_id.hex, "name": "n"})

    assert folder.status_code == 200
    assert [team["id"] for team in signed_in.get("/api/v1/teams").json()["data"]] == [
        str(tenant.id),
        str(two.id),
    ]
    assert signed_in.delete(f"/api/v1/media/{NOWHERE}").status_code == 404  # a viewer would receive 403


def test_an_organization_that_the_person_left_is_ignored(tenant: Tenant, two: Tenant) -> None:
    signed_in = tenant.signed_in()
    set_active(signed_in, two.id.hex)

    with owner() as connection:
        connection.execute(
            "delete from memberships where organization_id = %s and user_id = %s",
            [two.id, tenant.owner.user_id],
        )

    assert active(signed_in) == tenant.id.hex


def test_a_deleted_organization_is_ignored(tenant: Tenant, two: Tenant) -> None:
    signed_in = tenant.signed_in()
    set_active(signed_in, two.id.hex)

    with owner() as connection:
        connection.execute("update organizations set deleted_at = now() where id = %s", [two.id])

    assert active(signed_in) == tenant.id.hex
    assert outcome(set_active(signed_in, two.id.hex)) == rejected(404, "not_found", "Organization not found")


def test_a_stale_cookie_is_ignored(tenant: Tenant, stranger: Tenant) -> None:
    signed_in, stale = tenant.signed_in(), f"activeTeamId={stranger.id}"

    before = signed_in.get("/api/me", headers={"cookie": stale})
    answer = set_active(signed_in, tenant.id.hex, cookie=stale)
    cleared = set_active(signed_in, None, cookie=stale)

    assert (before.status_code, before.json()["organizationId"]) == (200, tenant.id.hex)
    assert (answer.status_code, answer.json()["id"], cleared.status_code) == (200, tenant.id.hex, 200)


def test_an_organization_of_others_cannot_be_activated(tenant: Tenant, stranger: Tenant) -> None:
    signed_in = tenant.signed_in()

    assert outcome(set_active(signed_in, stranger.id.hex)) == rejected(
        403, "other_organization", "No access to this item's organization"
    )
    assert outcome(set_active(signed_in, NOWHERE)) == rejected(404, "not_found", "Organization not found")
    assert active(signed_in) == tenant.id.hex


@pytest.mark.parametrize("wrong", ["", "x", 1, [], True])
def test_a_malformed_id_is_rejected(tenant: Tenant, wrong: object) -> None:
    assert outcome(set_active(tenant.signed_in(), wrong)) == rejected(
        400, "invalid", f"organizationId: {ID}", ("organizationId", ID)
    )


def test_the_organization_id_is_required(tenant: Tenant) -> None:
    assert outcome(tenant.signed_in().post(f"{ORGANIZATION}/set-active", json={})) == rejected(
        400,
        "invalid",
        "organizationId: Required",
        ("organizationId", "Required"),
    )


def test_an_api_key_has_no_active_organization(tenant: Tenant) -> None:
    assert outcome(set_active(tenant.studio, tenant.id.hex)) == rejected(
        403,
        "session_required",
        "This takes a signed-in person; an API key cannot do it",
    )


def test_a_session_cookie_is_accepted_only_from_a_page_of_the_same_origin(tenant: Tenant) -> None:
    origin = str(tenant.studio.get("/api/me").url).removesuffix("/api/me")
    cookie = f"better-auth.session_token={tenant.signed_in().token}"
    anybody = Client(None)

    ours = set_active(anybody, tenant.id.hex, cookie=cookie, origin=origin)
    foreign = set_active(anybody, tenant.id.hex, cookie=cookie, origin="https://elsewhere.example")

    assert ours.status_code == 200
    assert outcome(foreign) == rejected(
        403,
        "origin_not_allowed",
        "A request that a browser's cookie signs must come from a page of this origin, or of an allowed one",
    )
