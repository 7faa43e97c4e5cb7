"""POST /api/v1/teams/switch"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from functions.v1_switch_team.handler import app
from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.loops import call
from tests.given.members import changed_setting
from tests.given.shapes import A_TIME
from vitrine.library import organizations

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Client, Tenant

ABSENT = (403, {"success": False, "error": "Team not found", "code": "TEAM_NOT_FOUND"})


def switch(client: Client, team: object, **headers: str) -> httpx.Response:
    return client.post("/api/v1/teams/switch", json={"teamId": team}, headers=headers)


@pytest.fixture
def two(tenant: Tenant, stranger: Tenant) -> Tenant:
    """Return a second team; the owner of the first is a member of it."""
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")
    return stranger


def test_the_cookie_names_the_team_from_then_on(tenant: Tenant, two: Tenant) -> None:
    answers = [
        switch(client, named)
        for client in (tenant.studio, tenant.signed_in())
        for named in (str(two.id), two.id.hex.upper())
    ]

    team = {"id": str(two.id), "name": two.owner.organization_name, "slug": two.name, "role": "viewer"}
    assert [outcome(answer) for answer in answers] == [
        (200, {"success": True, "data": team, "info": {"timestamp": A_TIME}})
    ] * 4
    assert [answer.headers.get_list("set-cookie") for answer in answers] == [
        [f"activeTeamId={two.id}; Max-Age=31536000; Path=/; SameSite=Lax"]
    ] * 4
    kept = answers[0].headers["set-cookie"].partition(";")[0]
    # a viewer there
    assert (
        tenant.studio.delete(f"/api/v1/media/{NOWHERE}", headers={"cookie": kept}).json()["code"]
        == "PERMISSION_DENIED"
    )
    assert tenant.studio.delete(f"/api/v1/media/{NOWHERE}").json()["code"] == "HTTP_404"  # the owner here
    assert tenant.studio.get("/api/me", headers={"cookie": kept}).json()["organizationId"] == two.id.hex


def test_the_session_keeps_its_active_organization(tenant: Tenant, two: Tenant) -> None:
    signed_in = tenant.signed_in()

    switch(signed_in, str(two.id))

    assert signed_in.get("/api/me").json()["organizationId"] == tenant.id.hex


def test_over_https_the_cookie_is_secure(tenant: Tenant) -> None:
    with changed_setting("ORIGIN", "https://api.test"):
        answer = call(
            app,
            "POST",
            "/api/v1/teams/switch",
            json={"teamId": tenant.id.hex},
            headers={"x-api-key": tenant.studio.key or ""},
        )

    assert (
        answer.headers["set-cookie"]
        == f"activeTeamId={tenant.id}; Max-Age=31536000; Path=/; SameSite=Lax; Secure"
    )


def test_a_stale_cookie_or_header_does_not_prevent_switching(tenant: Tenant, stranger: Tenant) -> None:
    for headers in (
        {"cookie": f"activeTeamId={stranger.id}"},
        {"x-team-id": str(stranger.id)},
        {"x-team-id": NOWHERE},
    ):
        assert switch(tenant.studio, str(tenant.id), **headers).status_code == 200


def test_a_team_of_others_is_rejected(tenant: Tenant, stranger: Tenant) -> None:
    answer = switch(tenant.studio, str(stranger.id))

    assert outcome(answer) == (
        403,
        {
            "success": False,
            "error": "Access denied: You are not a member of this team",
            "code": "NOT_A_MEMBER",
        },
    )
    assert "set-cookie" not in answer.headers


def test_an_unknown_team_is_rejected(tenant: Tenant, two: Tenant) -> None:
    with owner() as connection:
        connection.execute("update organizations set deleted_at = now() where id = %s", [two.id])

    assert [outcome(switch(tenant.studio, named)) for named in (NOWHERE, str(two.id), "x", "*")] == [
        ABSENT
    ] * 4


@pytest.mark.parametrize("body", [{}, {"teamId": None}, {"teamId": ""}, {"teamId": 1}, {"teamId": ["x"]}, []])
def test_a_body_that_names_no_team_is_rejected(tenant: Tenant, body: Any) -> None:
    answer = tenant.studio.post("/api/v1/teams/switch", json=body)

    body_of_error = answer.json()
    [issue] = body_of_error.pop("details")["errors"]
    assert answer.status_code == 400
    assert body_of_error == {
        "success": False,
        "error": "Validation failed",
        "code": "HTTP_400",
        "info": {"timestamp": A_TIME},
    }
    assert issue["path"] == (["teamId"] if isinstance(body, dict) else [])


def test_a_session_by_cookie_must_come_from_our_own_page(tenant: Tenant) -> None:
    cookie = f"better-auth.session_token={tenant.signed_in().token}"

    answer = call(
        app,
        "POST",
        "/api/v1/teams/switch",
        json={"teamId": tenant.id.hex},
        headers={"cookie": cookie, "origin": "https://elsewhere.example"},
    )

    assert outcome(answer) == (
        403,
        {
            "success": False,
            "error": "A request that a browser's cookie signs must come from a page of this origin, "
            "or of an allowed one",
            "code": "HTTP_403",
            "info": {"timestamp": A_TIME},
        },
    )
