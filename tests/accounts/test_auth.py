"""Authentication and authorization: which credential counts, which organization is opened, and the order of
errors.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import pytest

from tests.given.isolation_cases import UNKNOWN_KEY, owner
from tests.given.library import Organization
from tests.given.members import PersonWithKey
from tests.given.tenants import Client
from vitrine.library import collections, operators, organizations
from vitrine.models.people import Role
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    import httpx

    from tests.given.tenants import Tenant

UNAUTHORIZED = (401, {"error": "Missing or invalid authentication", "code": "unauthorized"})
OTHER = (403, {"error": "No access to this item's organization", "code": "other_organization"})
NOWHERE = "0" * 31 + "1"


def outcome(answer: httpx.Response) -> tuple[int, Any]:
    """Return the status and the body, without `info`, which differs from call to call."""
    body = answer.json()
    return answer.status_code, {name: value for name, value in body.items() if name != "info"} if isinstance(
        body, dict
    ) else body


def ask_me(**headers: str) -> httpx.Response:
    return ask("/api/me", **headers)


def ask(path: str, **headers: str) -> httpx.Response:
    answer: httpx.Response = Client(None).get(
        path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    return answer


# Credentials.


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_api_key": ""},
        {"x_api_key": "x"},
        {"x_api_key": "sk_live_" + "0" * 64},
        {"x_api_key": "sk_live_" + "0" * 63},
        {"authorization": "Bearer x"},
        {"authorization": "Bearer sk_live_" + "0" * 64},
        {"authorization": "Basic eDp5"},
    ],
)
def test_missing_and_invalid_credentials_are_rejected_alike(headers: dict[str, str]) -> None:
    began = time.monotonic()

    answer = ask_me(**headers)

    assert outcome(answer) == UNAUTHORIZED
    assert "www-authenticate" not in answer.headers
    assert time.monotonic() - began >= settings().credential_delay


def test_a_key_is_accepted_in_either_header(tenant: Tenant) -> None:
    key = tenant.studio.key
    assert key is not None
    me = {
        "userId": tenant.owner.user_id.hex,
        "email": tenant.owner.email,
        "name": tenant.owner.user_name,
        "organizationId": tenant.id.hex,
        "organizationName": tenant.owner.organization_name,
        "role": "owner",
    }

    answers = [
        ask_me(x_api_key=key),
        ask_me(authorization=f"Bearer {key}"),
        ask_me(x_api_key="", authorization=f"Bearer {key}"),
        ask_me(x_api_key=key, authorization="Bearer x"),
    ]

    assert [outcome(answer) for answer in answers] == [(200, me)] * 4
    assert outcome(ask_me(authorization=f"bearer {key}")) == UNAUTHORIZED


def test_in_v1_bearer_has_precedence_over_the_key(tenant: Tenant) -> None:
    key = str(tenant.studio.key)

    def status(**headers: str) -> int:
        return ask("/api/v1/media", **headers).status_code

    assert status(x_api_key="x", authorization=f"Bearer {key}") == 200
    assert status(x_api_key=key, authorization="Bearer x") == 401
    assert status(x_api_key=key) == 200


def test_in_v1_an_error_has_its_envelope() -> None:
    assert outcome(Client(None).get("/api/v1/media?limit=0")) == (
        401,
        {"success": False, "error": "Unauthorized", "code": "HTTP_401"},
    )


# The item's organization.


def test_an_item_of_another_organization_is_rejected_as_the_documents_promise(
    tenant: Tenant, stranger: Tenant
) -> None:
    theirs = stranger.collection_id.hex
    asked = [
        "/api/organization/" + stranger.id.hex + "/datasets",
        "/api/organization/" + str(stranger.id) + "/usage",
        f"/api/dataset/{theirs}/media",
    ]

    assert [outcome(tenant.studio.get(path)) for path in asked] == [OTHER] * 3
    assert outcome(tenant.studio.post("/api/folder", json={"datasetId": theirs, "name": "n"})) == OTHER
    assert outcome(
        tenant.studio.get("/api/upload/s3/params", params={"filename": "f", "metadata[datasetId]": theirs})
    ) == (
        404,
        {"error": "Collection not found", "code": "not_found"},
    )


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
def test_a_missing_item_is_not_found(tenant: Tenant, path: str, sentence: str, wrong: str) -> None:
    assert outcome(tenant.studio.get(path.format(wrong))) == (404, {"error": sentence, "code": "not_found"})


def test_the_organization_of_the_item_is_opened(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")
    named = {"x-team-id": tenant.id.hex}

    listed = tenant.studio.get(f"/api/dataset/{stranger.collection_id.hex}/media", headers=named)
    made = tenant.studio.post(f"/api/organization/{stranger.id.hex}/datasets", json={"name": "n"})

    assert listed.status_code == 200
    assert outcome(made) == (
        403,
        {"error": "This takes the role owner, admin or editor; yours is viewer", "code": "insufficient_role"},
    )


def test_a_collection_that_contradicts_the_organization_named_is_not_found(
    tenant: Tenant, stranger: Tenant
) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "editor")
    body = {"datasetId": stranger.collection_id.hex, "name": "n"}

    unnamed = tenant.studio.post("/api/folder", json=body)
    contradicted = tenant.studio.post("/api/folder", json=body, headers={"x-team-id": tenant.id.hex})
    signed = tenant.studio.get(
        "/api/upload/s3/params",
        params={
            "filename": "f.jpg",
            "type": "image/jpeg",
            "metadata[datasetId]": stranger.collection_id.hex,
            "metadata[organizationId]": tenant.id.hex,
        },
    )

    assert unnamed.status_code == 200
    assert (
        outcome(contradicted)
        == outcome(signed)
        == (404, {"error": "Collection not found", "code": "not_found"})
    )


def test_a_request_may_name_its_organization(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")

    def organization(**headers: str) -> object:
        return tenant.studio.get(
            "/api/me", headers={name.replace("_", "-"): value for name, value in headers.items()}
        ).json()["organizationId"]

    assert [
        organization(),
        organization(x_team_id=str(stranger.id)),
        organization(cookie=f"activeTeamId={stranger.id.hex}"),
        organization(x_team_id=tenant.id.hex, cookie=f"activeTeamId={stranger.id.hex}"),
        organization(x_team_id=""),
    ] == [tenant.id.hex, stranger.id.hex, stranger.id.hex, tenant.id.hex, tenant.id.hex]


@pytest.mark.parametrize("named", [NOWHERE, "x", "00000000-0000-0000-0000-000000000000"])
def test_a_missing_organization_cannot_be_named(tenant: Tenant, named: str) -> None:
    studio = tenant.studio.get("/api/me", headers={"x-team-id": named})
    v1 = tenant.studio.get("/api/v1/media", headers={"x-team-id": named})

    assert outcome(studio) == (404, {"error": "Organization not found", "code": "organization_not_found"})
    assert (v1.status_code, v1.json()) == (
        403,
        {"success": False, "error": "Team not found", "code": "TEAM_NOT_FOUND"},
    )


def test_an_organization_of_others_cannot_be_named(tenant: Tenant, stranger: Tenant) -> None:
    studio = tenant.studio.get("/api/me", headers={"x-team-id": stranger.id.hex})
    v1 = tenant.studio.get("/api/v1/media", headers={"x-team-id": stranger.id.hex})

    assert outcome(studio) == (
        403,
        {"error": "You are not a member of this organization", "code": "not_a_member"},
    )
    assert (v1.status_code, v1.json()) == (
        403,
        {
            "success": False,
            "error": "Access denied: You are not a member of this team",
            "code": "NOT_A_MEMBER",
        },
    )


def test_a_caller_in_no_organization_is_rejected(tenant: Tenant) -> None:
    person = organizations.add_person(email=f"alone-{tenant.name}@example.org", name="Alone")
    alone = Client(organizations.add_key(person, "a key", ["*"]))

    assert outcome(alone.get("/api/me")) == (
        400,
        {"error": "You belong to no organization yet", "code": "organization_required"},
    )
    assert alone.get("/api/v1/media").json() == {
        "success": False,
        "error": "Team context required. Include x-team-id header.",
    }


def test_another_teams_item_is_not_found_in_v1(tenant: Tenant, stranger: Tenant) -> None:
    folder = stranger.studio.post(
        "/api/folder", json={"datasetId": stranger.collection_id.hex, "name": "n"}
    ).json()["folder"]["id"]

    assert outcome(tenant.studio.get(f"/api/media/{folder}")) == OTHER
    assert outcome(tenant.studio.get(f"/api/v1/media/{folder}")) == (
        404,
        {"success": False, "error": "Media not found", "code": "HTTP_404"},
    )


# The organization that a request opens where its path names none.


@dataclass(frozen=True)
class Traveller:
    """A person in three organizations, with a key and a session. Each organization has one file, by which it
    is recognized in v1.
    """

    person: PersonWithKey
    session: Client
    homes: tuple[Tenant, Tenant, Tenant]  # the earliest membership first
    files: tuple[UUID, UUID, UUID]

    @classmethod
    def of(cls, first: Tenant, second: Tenant, third: Tenant) -> Traveller:
        homes = (first, second, third)
        person = PersonWithKey.of(first, "viewer")
        organizations.add_member(second.id, person.id, "viewer")
        organizations.add_member(third.id, person.id, "viewer")
        a, b, c = (
            Organization(home.owner, home.collection_id, os.environ["OWNER_DATABASE_URL"]).file()
            for home in homes
        )
        return cls(person, person.signed_in(), homes, (a, b, c))

    def with_ids(self, text: str) -> str:
        """Return the text with ids in the place of numbers: `{0}`."""
        return text.format(*(home.id for home in self.homes))

    def studio(self, client: Client, **headers: str) -> int:
        """Return the number of the organization that is opened."""
        opened = client.get("/api/me", headers=self._with_names(headers)).json()["organizationId"]
        return [home.id.hex for home in self.homes].index(opened)

    def v1(self, client: Client, **headers: str) -> int:
        [file] = client.get("/api/v1/media", headers=self._with_names(headers)).json()["data"]["data"]
        return [str(home.id) for home in self.homes].index(file["teamId"])

    def activate(self, number: int | None) -> None:
        organization = None if number is None else self.homes[number].id.hex
        assert (
            self.session.post(
                "/api/auth/organization/set-active", json={"organizationId": organization}
            ).status_code
            == 200
        )

    def _with_names(self, headers: dict[str, str]) -> dict[str, str]:
        return {name.replace("_", "-"): self.with_ids(value) for name, value in headers.items()}


@pytest.fixture
def traveller(new_tenant: Callable[[], Tenant]) -> Traveller:
    return Traveller.of(new_tenant(), new_tenant(), new_tenant())


@pytest.mark.parametrize(
    ("headers", "opened"),
    [
        ({}, 0),
        ({"x_team_id": "{1}"}, 1),
        ({"cookie": "activeTeamId={1}"}, 1),
        ({"x_team_id": "{1}", "cookie": "activeTeamId={2}"}, 1),
        ({"x_team_id": "", "cookie": "activeTeamId={2}"}, 2),
        ({"x_team_id": "{1}", "cookie": "activeTeamId="}, 1),
        ({"x_team_id": "", "cookie": "activeTeamId="}, 0),
        ({"cookie": "other=1; activeTeamId={2}; more=2"}, 2),
    ],
)
def test_the_header_has_precedence_over_the_cookie_and_the_earliest_membership_is_last(
    traveller: Traveller, headers: dict[str, str], opened: int
) -> None:
    for client in (traveller.person.client, traveller.session):
        assert (traveller.studio(client, **headers), traveller.v1(client, **headers)) == (opened, opened)


def test_the_sessions_active_organization_comes_after_the_cookie_in_studio_only(traveller: Traveller) -> None:
    traveller.activate(2)
    session, key = traveller.session, traveller.person.client

    assert (traveller.studio(session), traveller.v1(session)) == (2, 0)
    assert (traveller.studio(session, cookie="activeTeamId="), traveller.studio(session, x_team_id="")) == (
        2,
        2,
    )
    assert (
        traveller.studio(session, cookie="activeTeamId={1}")
        == traveller.v1(session, cookie="activeTeamId={1}")
        == 1
    )
    assert traveller.studio(session, x_team_id="{1}") == traveller.v1(session, x_team_id="{1}") == 1
    assert (traveller.studio(key), traveller.v1(key), traveller.studio(traveller.person.signed_in())) == (
        0,
        0,
        0,
    )
    traveller.activate(None)
    assert traveller.studio(session) == 0


def test_the_earliest_membership_is_the_one_joined_first(traveller: Traveller) -> None:
    first, second, third = (home.id for home in traveller.homes)

    def opened_when_joined(first_at: int, second_at: int, third_at: int) -> tuple[int, int]:
        with owner() as connection:
            for organization, at in ((first, first_at), (second, second_at), (third, third_at)):
                connection.execute(
                    "update memberships set joined_at = to_timestamp(%s) "
                    "where organization_id = %s and user_id = %s",
                    [at, organization, traveller.person.id],
                )
        return traveller.studio(traveller.session), traveller.v1(traveller.person.client)

    assert opened_when_joined(3, 2, 1) == (2, 2)
    assert opened_when_joined(3, 1, 2) == (1, 1)
    assert opened_when_joined(1, 1, 1) == (0, 0)  # then by id, so that the result is always the same


def test_a_deleted_or_left_organization_is_not_the_default(traveller: Traveller) -> None:
    traveller.activate(1)
    with owner() as connection:
        connection.execute(
            "update organizations set deleted_at = now() where id = %s", [traveller.homes[0].id]
        )
    assert (traveller.studio(traveller.session), traveller.v1(traveller.person.client)) == (1, 1)

    left = traveller.person.client.post(
        "/api/auth/organization/leave", json={"organizationId": traveller.homes[1].id.hex}
    )

    assert left.status_code == 200
    assert (traveller.studio(traveller.session), traveller.v1(traveller.person.client)) == (2, 2)


def test_naming_a_left_or_deleted_organization_is_an_error_and_opens_no_other(
    traveller: Traveller, stranger: Tenant
) -> None:
    def answers(organization: object) -> list[tuple[int, Any]]:
        return [
            outcome(client.get(path, headers={"x-team-id": str(organization)}))
            for path in ("/api/me", "/api/v1/media")
            for client in (traveller.person.client, traveller.session)
        ]

    left = traveller.homes[0]
    traveller.person.client.post("/api/auth/organization/leave", json={"organizationId": left.id.hex})
    with owner() as connection:
        connection.execute(
            "update organizations set deleted_at = now() where id = %s", [traveller.homes[1].id]
        )

    not_a_member = [
        (403, {"error": "You are not a member of this organization", "code": "not_a_member"}),
        (
            403,
            {
                "success": False,
                "error": "Access denied: You are not a member of this team",
                "code": "NOT_A_MEMBER",
            },
        ),
    ]
    missing = [
        (404, {"error": "Organization not found", "code": "organization_not_found"}),
        (403, {"success": False, "error": "Team not found", "code": "TEAM_NOT_FOUND"}),
    ]
    for organization in (left.id, left.id.hex, stranger.id):
        assert answers(organization) == [not_a_member[0]] * 2 + [not_a_member[1]] * 2
    for organization in (traveller.homes[1].id, NOWHERE, "x", "*"):
        assert answers(organization) == [missing[0]] * 2 + [missing[1]] * 2


DELETED_COOKIE = ["activeTeamId=; Max-Age=0; Path=/; SameSite=Lax"]


def test_a_stale_cookie_is_ignored_and_deleted(traveller: Traveller, stranger: Tenant) -> None:
    left, gone, home = traveller.homes
    traveller.person.client.post("/api/auth/organization/leave", json={"organizationId": left.id.hex})
    with owner() as connection:
        connection.execute("update organizations set deleted_at = now() where id = %s", [gone.id])
    stale = [left.id, left.id.hex, gone.id, stranger.id, NOWHERE, "x", "*", '"quoted"', "%00", "0" * 5000]

    for client in (traveller.person.client, traveller.session):
        for chosen in stale:
            cookie = {"cookie": f"activeTeamId={chosen}"}
            me = client.get("/api/me", headers=cookie)
            v1 = client.get("/api/v1/media", headers=cookie)
            assert (me.status_code, me.json()["organizationId"], me.headers.get_list("set-cookie")) == (
                200,
                home.id.hex,
                DELETED_COOKIE,
            ), chosen
            assert (v1.status_code, v1.headers.get_list("set-cookie")) == (200, DELETED_COOKIE), chosen
            assert [file["teamId"] for file in v1.json()["data"]["data"]] == [str(home.id)]


def test_an_error_deletes_a_stale_cookie_too_and_a_valid_one_stays(
    traveller: Traveller, stranger: Tenant
) -> None:
    def cookies(path: str, chosen: object, **headers: str) -> tuple[int, list[str]]:
        answer = traveller.session.get(path, headers={"cookie": f"activeTeamId={chosen}", **headers})
        return answer.status_code, answer.headers.get_list("set-cookie")

    assert cookies("/api/v1/media?limit=0", stranger.id) == (400, DELETED_COOKIE)
    assert cookies("/api/me", stranger.id, **{"x-team-id": str(stranger.id)}) == (403, DELETED_COOKIE)
    assert cookies(f"/api/media/{NOWHERE}", stranger.id) == (404, DELETED_COOKIE)
    assert cookies("/api/auth/organization/list", stranger.id) == (200, DELETED_COOKIE)
    assert cookies("/api/me", traveller.homes[1].id) == (200, [])
    assert cookies("/api/me", traveller.homes[1].id, **{"x-team-id": str(traveller.homes[2].id)}) == (200, [])
    assert cookies("/api/me", "") == (200, [])
    unknown = Client(UNKNOWN_KEY).get("/api/me", headers={"cookie": f"activeTeamId={stranger.id}"})
    assert (unknown.status_code, unknown.headers.get_list("set-cookie")) == (401, [])


def test_a_new_choice_is_the_only_cookie_of_its_answer(traveller: Traveller, stranger: Tenant) -> None:
    home, stale = traveller.homes[1], {"cookie": f"activeTeamId={stranger.id}"}

    answers = [
        traveller.session.post("/api/v1/teams/switch", json={"teamId": str(home.id)}, headers=stale),
        traveller.session.post(
            "/api/auth/organization/set-active", json={"organizationId": home.id.hex}, headers=stale
        ),
    ]

    assert [answer.headers.get_list("set-cookie") for answer in answers] == [
        [f"activeTeamId={home.id}; Max-Age=31536000; Path=/; SameSite=Lax"]
    ] * 2


@pytest.mark.parametrize("how", ["removed", "removed by an operator", "deleted"])
@pytest.mark.parametrize("asked", ["/api/me", "/api/v1/media", "/api/auth/get-session"])
@pytest.mark.sampled(3)
def test_a_sessions_stale_choice_is_reset(traveller: Traveller, how: str, asked: str) -> None:
    traveller.activate(1)
    home = traveller.homes[1]
    with owner() as connection:  # not through the API, which resets the choice itself
        if how == "removed":
            connection.execute(
                "delete from memberships where organization_id = %s and user_id = %s",
                [home.id, traveller.person.id],
            )
        elif how == "deleted":
            connection.execute("update organizations set deleted_at = now() where id = %s", [home.id])
    if how == "removed by an operator":
        operators.remove_member(home.name, traveller.person.email)

    assert traveller.session.get(asked).status_code == 200

    with owner() as connection:
        chosen = connection.execute(
            "select active_organization_id from sessions where user_id = %s", [traveller.person.id]
        ).fetchall()
    assert chosen == [{"active_organization_id": None}]
    assert traveller.session.get("/api/auth/get-session").json()["session"]["activeOrganizationId"] is None
    assert traveller.studio(traveller.session) == 0


def test_in_studio_the_item_has_precedence_over_cookie_and_session_and_in_v1_never(
    traveller: Traveller,
) -> None:
    traveller.activate(0)
    _, second, third = traveller.homes
    item = traveller.files[1]

    def status(dialect: str, **headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return traveller.session.get(f"{dialect}/media/{item.hex}", headers=sent).status_code

    assert (
        status("/api")
        == status("/api", cookie=f"activeTeamId={third.id}")
        == status("/api", x_team_id=str(third.id))
        == 200
    )
    assert (
        status("/api/v1")
        == status("/api/v1", cookie=f"activeTeamId={third.id}")
        == status("/api/v1", x_team_id=str(third.id))
        == 404
    )
    assert (
        status("/api/v1", x_team_id=str(second.id))
        == status("/api/v1", cookie=f"activeTeamId={second.id.hex}")
        == 200
    )


def test_a_collection_in_a_body_has_precedence_over_cookie_and_session(traveller: Traveller) -> None:
    first, second, third = traveller.homes
    organizations.add_member(second.id, traveller.person.id, "editor")
    traveller.activate(2)
    body = {"datasetId": second.collection_id.hex, "name": "n"}

    unnamed = traveller.session.post("/api/folder", json=body, headers={"cookie": f"activeTeamId={third.id}"})
    contradicted = traveller.session.post("/api/folder", json=body, headers={"x-team-id": first.id.hex})

    assert unnamed.json()["folder"]["datasetId"] == second.collection_id.hex
    assert outcome(contradicted) == (404, {"error": "Collection not found", "code": "not_found"})


# Sessions beside keys.


def session_cookie(client: Client) -> str:
    return f"better-auth.session_token={client.token}"


def test_a_session_is_accepted_as_bearer_or_in_its_cookie(tenant: Tenant) -> None:
    signed_in = tenant.signed_in()
    ways = [{"authorization": f"Bearer {signed_in.token}"}, {"cookie": session_cookie(signed_in)}]

    assert [ask(path, **way).status_code for path in ("/api/me", "/api/v1/media") for way in ways] == [
        200
    ] * 4
    assert outcome(ask_me(cookie=f"__Secure-{session_cookie(signed_in)}")) == UNAUTHORIZED  # this is http


@pytest.mark.parametrize(
    "bad",
    [
        {"x_api_key": "sk_live_" + "0" * 64},
        {"x_api_key": "x"},
        {"authorization": "Bearer sk_live_" + "0" * 64},
        {"authorization": "Bearer x", "x_api_key": "x"},
    ],
)
def test_beside_an_invalid_key_the_cookie_counts(
    tenant: Tenant, stranger: Tenant, bad: dict[str, str]
) -> None:
    signed_in = tenant.signed_in()

    answers = [ask(path, **bad, cookie=session_cookie(signed_in)) for path in ("/api/me", "/api/v1/teams")]

    assert answers[0].json()["userId"] == tenant.owner.user_id.hex
    assert [team["id"] for team in answers[1].json()["data"]] == [str(tenant.id)]


def test_a_valid_key_has_precedence_over_the_cookie(tenant: Tenant, stranger: Tenant) -> None:
    cookie = session_cookie(tenant.signed_in())
    key = str(stranger.studio.key)

    for sent in ({"x_api_key": key}, {"authorization": f"Bearer {key}"}):
        assert ask("/api/me", **sent, cookie=cookie).json()["userId"] == stranger.owner.user_id.hex
        assert [team["id"] for team in ask("/api/v1/teams", **sent, cookie=cookie).json()["data"]] == [
            str(stranger.id)
        ]


def test_of_two_headers_bearer_counts_in_v1_and_the_key_in_studio(tenant: Tenant, stranger: Tenant) -> None:
    bearer, key = f"Bearer {tenant.signed_in().token}", str(stranger.studio.key)

    def teams(**headers: str) -> list[str]:
        return [team["id"] for team in ask("/api/v1/teams", **headers).json()["data"]]

    assert (
        teams(authorization=bearer, x_api_key=key)
        == teams(authorization=bearer, x_api_key="x")
        == [str(tenant.id)]
    )
    assert ask("/api/me", authorization=bearer, x_api_key=key).json()["userId"] == stranger.owner.user_id.hex
    assert ask("/api/v1/teams", authorization="Bearer x", x_api_key=key).status_code == 401
    assert outcome(ask("/api/me", authorization=bearer, x_api_key="x")) == UNAUTHORIZED


def test_an_expired_session_is_rejected(tenant: Tenant) -> None:
    signed_in = tenant.signed_in()
    with owner() as connection:
        connection.execute(
            "update sessions set expires_at = now() where user_id = %s", [tenant.owner.user_id]
        )

    assert (
        outcome(signed_in.get("/api/me")) == outcome(ask_me(cookie=session_cookie(signed_in))) == UNAUTHORIZED
    )


# Scopes and roles.


@pytest.mark.parametrize("scopes", [["media:write"], ["media:delete"], ["admin:users"]])
def test_a_key_is_limited_to_its_scopes(tenant: Tenant, scopes: list[str]) -> None:
    client = tenant.client(scopes=scopes)

    assert outcome(client.get(f"/api/organization/{tenant.id.hex}/datasets")) == (
        403,
        {"error": "This API key does not have the scope media:read", "code": "insufficient_scope"},
    )
    assert outcome(client.get("/api/v1/media")) == (
        403,
        {
            "success": False,
            "error": "Insufficient permissions - media:read scope required",
            "code": "INSUFFICIENT_SCOPE",
        },
    )
    assert client.get("/api/me").status_code == 200


@pytest.mark.parametrize("role", get_args(Role))
def test_a_role_is_limited_by_the_permission_table(tenant: Tenant, role: Role) -> None:
    client = tenant.client(role)

    statuses = [
        client.get(f"/api/dataset/{tenant.collection_id.hex}/media").status_code,
        client.post(f"/api/organization/{tenant.id.hex}/datasets", json={"name": "n"}).status_code,
        client.delete(f"/api/media/{NOWHERE}").status_code,
        client.delete(f"/api/v1/media/{NOWHERE}").status_code,
    ]

    may_write, may_delete = role in ("owner", "admin", "editor"), role in ("owner", "admin")
    assert statuses == [200, 200 if may_write else 403, 404, 404 if may_delete else 403]


# The order of errors.


def test_errors_come_in_the_order_of_the_contract(tenant: Tenant, stranger: Tenant) -> None:
    viewer, unscoped = tenant.client("viewer"), tenant.client("viewer", scopes=["media:read"])
    theirs, ours = (
        f"/api/organization/{stranger.id.hex}/datasets",
        f"/api/organization/{tenant.id.hex}/datasets",
    )
    not_json: dict[str, Any] = {"content": b"{", "headers": {"content-type": "application/json"}}

    statuses = [
        Client(None).post(theirs, **not_json).json()["code"],
        unscoped.post(theirs, **not_json).json()["code"],
        unscoped.post(ours, **not_json).json()["code"],
        viewer.post(ours, **not_json).json()["code"],
        tenant.studio.post(ours, **not_json).json()["code"],
    ]

    assert statuses == [
        "unauthorized",
        "other_organization",
        "insufficient_scope",
        "insufficient_role",
        "invalid",
    ]


def test_in_v1_the_scope_is_checked_first_and_the_input_last(tenant: Tenant) -> None:
    unscoped = tenant.client(scopes=["media:write"])
    nowhere = {"x-team-id": NOWHERE}

    codes = [
        unscoped.get("/api/v1/media?limit=0", headers=nowhere).json()["code"],
        tenant.studio.get("/api/v1/media?limit=0", headers=nowhere).json()["code"],
        tenant.client("viewer").delete("/api/v1/media/x").json()["code"],
        tenant.studio.get("/api/v1/media?limit=0").json()["code"],
    ]

    assert codes == ["INSUFFICIENT_SCOPE", "TEAM_NOT_FOUND", "PERMISSION_DENIED", "HTTP_400"]


def test_an_invalid_body_is_never_an_internal_error(new_tenant: Callable[[], Tenant]) -> None:
    tenant = new_tenant()
    named = collections.create(tenant.owner, "Named", None)
    odd: list[dict[str, Any]] = [
        {"datasetId": 1, "name": "n"},
        {"datasetId": None, "name": "n"},
        {"datasetId": "x", "name": "n"},
        {"datasetId": named.id.hex, "name": 1},
        {"datasetId": named.id.hex, "name": ""},
        {"datasetId": named.id.hex, "name": "n", "path": "x.y"},
        {"datasetId": [named.id.hex], "name": "n"},
    ]

    assert [tenant.studio.post("/api/folder", json=body).status_code for body in odd] == [400] * len(odd)
