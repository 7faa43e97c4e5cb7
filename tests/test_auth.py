"""Who is let in, in which organization, and in what order others are refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, get_args

import pytest

from tests.tenants import Client
from vitrine.library import collections, organizations
from vitrine.models import Role
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.tenants import Tenant

UNAUTHORIZED = (401, {"error": "Missing or invalid authentication", "code": "unauthorized"})
OTHER = (403, {"error": "No access to this item's organization", "code": "other_organization"})
NOWHERE = "0" * 31 + "1"


def said(answer: httpx.Response) -> tuple[int, Any]:
    """Status and body, without what differs from call to call."""
    body = answer.json()
    return answer.status_code, {name: value for name, value in body.items() if name != "info"} if isinstance(body, dict) else body


def nobody(**headers: str) -> httpx.Response:
    return ask("/api/me", **headers)


def ask(path: str, **headers: str) -> httpx.Response:
    answer: httpx.Response = Client(None).get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer


# Credentials.

@pytest.mark.parametrize(
    "headers",
    [
        {}, {"x_api_key": ""}, {"x_api_key": "x"}, {"x_api_key": "sk_live_" + "0" * 64}, {"x_api_key": "sk_live_" + "0" * 63},
        {"authorization": "Bearer x"}, {"authorization": "Bearer sk_live_" + "0" * 64}, {"authorization": "Basic eDp5"},
    ],
)  # fmt: skip
def test_credentials_that_are_none_are_all_refused_alike(headers: dict[str, str]) -> None:
    began = time.monotonic()

    answer = nobody(**headers)

    assert said(answer) == UNAUTHORIZED
    assert "www-authenticate" not in answer.headers
    assert time.monotonic() - began >= settings().credential_delay


def test_a_key_opens_in_either_header(tenant: Tenant) -> None:
    key = tenant.studio.key
    assert key is not None
    me = {
        "userId": tenant.owner.user_id.hex, "email": tenant.owner.email, "name": tenant.owner.user_name, "organizationId": tenant.id.hex,
        "organizationName": tenant.owner.organization_name, "role": "owner",
    }  # fmt: skip

    answers = [
        nobody(x_api_key=key), nobody(authorization=f"Bearer {key}"), nobody(x_api_key="", authorization=f"Bearer {key}"),
        nobody(x_api_key=key, authorization="Bearer x"),
    ]  # fmt: skip

    assert [said(answer) for answer in answers] == [(200, me)] * 4
    assert said(nobody(authorization=f"bearer {key}")) == UNAUTHORIZED


def test_in_v1_the_bearer_goes_before_the_key(tenant: Tenant) -> None:
    key = str(tenant.studio.key)

    def status(**headers: str) -> int:
        return ask("/api/v1/media", **headers).status_code

    assert status(x_api_key="x", authorization=f"Bearer {key}") == 200
    assert status(x_api_key=key, authorization="Bearer x") == 401
    assert status(x_api_key=key) == 200


def test_in_v1_a_refusal_has_its_envelope() -> None:
    assert said(Client(None).get("/api/v1/media?limit=0")) == (401, {"success": False, "error": "Unauthorized", "code": "HTTP_401"})


# The item's organization.

def test_another_organizations_item_is_refused_as_the_documents_promise(tenant: Tenant, stranger: Tenant) -> None:
    theirs = stranger.collection_id.hex
    asked = ["/api/organization/" + stranger.id.hex + "/datasets", "/api/organization/" + str(stranger.id) + "/usage", f"/api/dataset/{theirs}/media"]

    assert [said(tenant.studio.get(path)) for path in asked] == [OTHER] * 3
    assert said(tenant.studio.post("/api/folder", json={"datasetId": theirs, "name": "n"})) == OTHER
    assert said(tenant.studio.get("/api/upload/s3/params", params={"filename": "f", "metadata[datasetId]": theirs})) == (
        404, {"error": "Collection not found", "code": "not_found"},
    )  # fmt: skip


@pytest.mark.parametrize("wrong", [NOWHERE, "x", "%00", "..."])
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/api/organization/{}/datasets", "Organization not found"),
        ("/api/dataset/{}/media", "Collection not found"),
        ("/api/media/{}", "Media not found"),
        ("/api/upload/{}", "Upload not found"),
        ("/api/upload/s3/multipart/{}?key=x", "Upload not found"),
    ],
)
def test_an_item_that_is_not_there_is_not_found(tenant: Tenant, path: str, sentence: str, wrong: str) -> None:
    assert said(tenant.studio.get(path.format(wrong))) == (404, {"error": sentence, "code": "not_found"})


def test_an_items_own_organization_is_the_one_that_is_opened(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")
    named = {"x-team-id": tenant.id.hex}

    listed = tenant.studio.get(f"/api/dataset/{stranger.collection_id.hex}/media", headers=named)
    made = tenant.studio.post(f"/api/organization/{stranger.id.hex}/datasets", json={"name": "n"})

    assert listed.status_code == 200
    assert said(made) == (403, {"error": "This takes the role owner, admin or editor; yours is viewer", "code": "insufficient_role"})


def test_a_collection_that_contradicts_the_organization_named_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "editor")
    body = {"datasetId": stranger.collection_id.hex, "name": "n"}

    unnamed = tenant.studio.post("/api/folder", json=body)
    contradicted = tenant.studio.post("/api/folder", json=body, headers={"x-team-id": tenant.id.hex})
    signed = tenant.studio.get("/api/upload/s3/params", params={
        "filename": "f.jpg", "type": "image/jpeg", "metadata[datasetId]": stranger.collection_id.hex, "metadata[organizationId]": tenant.id.hex,
    })

    assert unnamed.status_code == 200
    assert said(contradicted) == said(signed) == (404, {"error": "Collection not found", "code": "not_found"})


def test_an_organization_can_be_named(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")

    def organization(**headers: str) -> object:
        return tenant.studio.get("/api/me", headers={name.replace("_", "-"): value for name, value in headers.items()}).json()["organizationId"]

    assert [
        organization(),
        organization(x_team_id=str(stranger.id)),
        organization(cookie=f"activeTeamId={stranger.id.hex}"),
        organization(x_team_id=tenant.id.hex, cookie=f"activeTeamId={stranger.id.hex}"),
        organization(x_team_id=""),
    ] == [tenant.id.hex, stranger.id.hex, stranger.id.hex, tenant.id.hex, tenant.id.hex]


@pytest.mark.parametrize("named", [NOWHERE, "x", "00000000-0000-0000-0000-000000000000"])
def test_an_organization_that_is_not_there_cannot_be_named(tenant: Tenant, named: str) -> None:
    studio = tenant.studio.get("/api/me", headers={"x-team-id": named})
    v1 = tenant.studio.get("/api/v1/media", headers={"x-team-id": named})

    assert said(studio) == (404, {"error": "Organization not found", "code": "organization_not_found"})
    assert (v1.status_code, v1.json()) == (403, {"success": False, "error": "Team not found", "code": "TEAM_NOT_FOUND"})


def test_an_organization_one_is_not_in_cannot_be_named(tenant: Tenant, stranger: Tenant) -> None:
    studio = tenant.studio.get("/api/me", headers={"x-team-id": stranger.id.hex})
    v1 = tenant.studio.get("/api/v1/media", headers={"x-team-id": stranger.id.hex})

    assert said(studio) == (403, {"error": "You are not a member of this organization", "code": "not_a_member"})
    assert (v1.status_code, v1.json()) == (
        403, {"success": False, "error": "Access denied: You are not a member of this team", "code": "NOT_A_MEMBER"},
    )  # fmt: skip


def test_who_is_in_no_organization_is_told_so(tenant: Tenant) -> None:
    person = organizations.add_person(email=f"alone-{tenant.name}@example.org", name="Alone")
    alone = Client(organizations.add_key(person, "a key", ["*"]))

    assert said(alone.get("/api/me")) == (400, {"error": "You belong to no organization yet", "code": "organization_required"})
    assert alone.get("/api/v1/media").json() == {"success": False, "error": "Team context required. Include x-team-id header."}


def test_another_teams_item_is_not_found_in_v1(tenant: Tenant, stranger: Tenant) -> None:
    folder = stranger.studio.post("/api/folder", json={"datasetId": stranger.collection_id.hex, "name": "n"}).json()["folder"]["id"]

    assert said(tenant.studio.get(f"/api/media/{folder}")) == OTHER
    assert said(tenant.studio.get(f"/api/v1/media/{folder}")) == (404, {"success": False, "error": "Media not found", "code": "HTTP_404"})


# Scopes and roles.

@pytest.mark.parametrize("scopes", [["media:write"], ["media:delete"], ["admin:users"]])
def test_a_key_reaches_as_far_as_its_scopes(tenant: Tenant, scopes: list[str]) -> None:
    client = tenant.client(scopes=scopes)

    assert said(client.get(f"/api/organization/{tenant.id.hex}/datasets")) == (
        403, {"error": "This API key does not have the scope media:read", "code": "insufficient_scope"},
    )  # fmt: skip
    assert said(client.get("/api/v1/media")) == (
        403, {"success": False, "error": "Insufficient permissions - media:read scope required", "code": "INSUFFICIENT_SCOPE"},
    )  # fmt: skip
    assert client.get("/api/me").status_code == 200


@pytest.mark.parametrize("role", get_args(Role))
def test_a_role_reaches_as_far_as_the_permission_table_says(tenant: Tenant, role: Role) -> None:
    client = tenant.client(role)

    statuses = [
        client.get(f"/api/dataset/{tenant.collection_id.hex}/media").status_code,
        client.post(f"/api/organization/{tenant.id.hex}/datasets", json={"name": "n"}).status_code,
        client.delete(f"/api/media/{NOWHERE}").status_code,
        client.delete(f"/api/v1/media/{NOWHERE}").status_code,
    ]

    may_write, may_delete = role in ("owner", "admin", "editor"), role in ("owner", "admin")
    assert statuses == [200, 200 if may_write else 403, 404, 404 if may_delete else 403]


# Order.

def test_refusals_come_in_the_order_of_the_contract(tenant: Tenant, stranger: Tenant) -> None:
    viewer, unscoped = tenant.client("viewer"), tenant.client("viewer", scopes=["media:read"])
    theirs, ours = f"/api/organization/{stranger.id.hex}/datasets", f"/api/organization/{tenant.id.hex}/datasets"
    not_json: dict[str, Any] = {"content": b"{", "headers": {"content-type": "application/json"}}

    statuses = [
        Client(None).post(theirs, **not_json).json()["code"],
        unscoped.post(theirs, **not_json).json()["code"],
        unscoped.post(ours, **not_json).json()["code"],
        viewer.post(ours, **not_json).json()["code"],
        tenant.studio.post(ours, **not_json).json()["code"],
    ]

    assert statuses == ["unauthorized", "other_organization", "insufficient_scope", "insufficient_role", "invalid"]


def test_in_v1_the_scope_goes_first_and_the_input_last(tenant: Tenant) -> None:
    unscoped = tenant.client(scopes=["media:write"])
    nowhere = {"x-team-id": NOWHERE}

    codes = [
        unscoped.get("/api/v1/media?limit=0", headers=nowhere).json()["code"],
        tenant.studio.get("/api/v1/media?limit=0", headers=nowhere).json()["code"],
        tenant.client("viewer").delete("/api/v1/media/x").json()["code"],
        tenant.studio.get("/api/v1/media?limit=0").json()["code"],
    ]

    assert codes == ["INSUFFICIENT_SCOPE", "TEAM_NOT_FOUND", "PERMISSION_DENIED", "HTTP_400"]


def test_what_a_request_says_in_vain_is_no_fault_of_ours(found: Callable[[], Tenant]) -> None:
    tenant = found()
    named = collections.create(tenant.owner, "Named", None)
    odd: list[dict[str, Any]] = [
        {"datasetId": 1, "name": "n"}, {"datasetId": None, "name": "n"}, {"datasetId": "x", "name": "n"}, {"datasetId": named.id.hex, "name": 1},
        {"datasetId": named.id.hex, "name": ""}, {"datasetId": named.id.hex, "name": "n", "path": "x.y"}, {"datasetId": [named.id.hex], "name": "n"},
    ]  # fmt: skip

    assert [tenant.studio.post("/api/folder", json=body).status_code for body in odd] == [400] * len(odd)
