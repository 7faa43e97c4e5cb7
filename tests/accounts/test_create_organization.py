"""POST /api/auth/organization/create"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from functions.create_organization.handler import app
from tests.given.answers import outcome
from tests.given.loops import call
from tests.given.members import (
    ORGANIZATION,
    THE_PERSON,
    PersonWithKey,
    audit_entries,
    changed_setting,
    rejected,
    send_concurrently,
)
from tests.given.shapes import A_TIME, AN_ID
from vitrine.errors import Conflict
from vitrine.library import members
from vitrine.settings import settings

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Client, Tenant

COOKIE = "activeTeamId={}; Max-Age=31536000; Path=/; SameSite=Lax"


def create(client: Client, **body: Any) -> httpx.Response:
    return client.post(f"{ORGANIZATION}/create", json=body)


def test_the_creator_owns_the_organization_and_it_has_a_collection() -> None:
    person = PersonWithKey.new()
    word = uuid4().hex[:12]

    answer = create(person.client, name=f"Été {word}!")

    assert outcome(answer) == (
        200,
        {"id": AN_ID, "name": f"Été {word}!", "slug": f"ete-{word}", "role": "owner", "createdAt": A_TIME},
    )
    assert "set-cookie" not in answer.headers  # a key has no browser
    assert outcome(person.client.get(f"{ORGANIZATION}/list")) == (200, [answer.json()])
    organization = answer.json()["id"]
    assert [
        each["name"] for each in person.client.get(f"/api/organization/{organization}/datasets").json()
    ] == ["Default"]
    assert person.client.get("/api/me").json()["organizationId"] == organization
    assert audit_entries(UUID(organization)) == [
        (
            "organization.create",
            person.id,
            UUID(organization),
            {"name": f"Été {word}!", "slug": f"ete-{word}"},
        )
    ]


def test_uploads_go_to_the_new_default_collection() -> None:
    person = PersonWithKey.new()
    create(person.client, name="New")

    assert (
        person.client.get(
            "/api/upload/s3/params", params={"filename": "a.jpg", "type": "image/jpeg"}
        ).status_code
        == 200
    )


def test_the_new_organization_is_active_in_the_session(tenant: Tenant) -> None:
    signed_in = tenant.signed_in()

    answer = create(signed_in, name="New")

    assert answer.headers.get_list("set-cookie") == [COOKIE.format(UUID(answer.json()["id"]))]
    assert signed_in.get("/api/me").json()["organizationId"] == answer.json()["id"]
    assert tenant.studio.get("/api/me").json()["organizationId"] == tenant.id.hex


def test_over_https_the_cookie_is_secure(tenant: Tenant) -> None:
    with changed_setting("ORIGIN", "https://api.test"):
        answer = call(
            app,
            "POST",
            f"{ORGANIZATION}/create",
            json={"name": "New"},
            headers={"authorization": f"Bearer {tenant.signed_in().token}"},
        )

    assert answer.headers["set-cookie"] == COOKIE.format(UUID(answer.json()["id"])) + "; Secure"


def test_a_slug_made_from_a_taken_name_has_a_suffix() -> None:
    person = PersonWithKey.new()
    word = uuid4().hex[:12]

    slugs = [create(person.client, name=word).json()["slug"] for _ in range(3)]

    assert slugs[0] == word
    assert len({*slugs}) == 3
    assert [slug.startswith(f"{word}-") for slug in slugs[1:]] == [True, True]


@pytest.mark.parametrize("name", ["日本", "!!!", "---"])
def test_a_name_without_letters_or_digits_has_the_slug_team(name: str) -> None:
    assert create(PersonWithKey.new().client, name=name).json()["slug"].startswith("team")


def test_an_explicit_slug_is_used_unchanged_or_rejected() -> None:
    person = PersonWithKey.new()
    word = uuid4().hex[:12]

    first, again = (create(person.client, name="New", slug=f"{word}-1") for _ in range(2))

    assert (first.status_code, first.json()["slug"]) == (200, f"{word}-1")
    assert outcome(again) == rejected(409, "slug_taken", "This slug is taken")
    assert len(person.client.get(f"{ORGANIZATION}/list").json()) == 1


SLUG = "slug must have 1 to 100 characters: a-z and 0-9, with single hyphens between them"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, rejected(400, "invalid", "name: Required", ("name", "Required"))),
        ({"name": None}, rejected(400, "invalid", "name: Must be a string", ("name", "Must be a string"))),
        ({"name": ""}, rejected(400, "invalid", "name must have 1 to 100 characters")),
        ({"name": "x" * 101}, rejected(400, "invalid", "name must have 1 to 100 characters")),
        (
            {"name": "x", "slug": 1},
            rejected(400, "invalid", "slug: Must be a string", ("slug", "Must be a string")),
        ),
        *(
            ({"name": "x", "slug": slug}, rejected(400, "invalid", SLUG))
            for slug in ("", "A", "a_b", "-a", "a-", "a--b", "é", "a\n", "x" * 101)
        ),
    ],
)
def test_an_invalid_name_or_slug_is_rejected(body: dict[str, Any], answer: tuple[int, Any]) -> None:
    assert outcome(PersonWithKey.new().client.post(f"{ORGANIZATION}/create", json=body)) == answer


def test_a_name_of_100_characters_and_a_slug_of_100_are_accepted() -> None:
    answer = create(PersonWithKey.new().client, name="\N{CAMERA}" * 100, slug=uuid4().hex * 3 + "abcd")

    assert (answer.status_code, len(answer.json()["name"]), len(answer.json()["slug"])) == (200, 100, 100)


def test_concurrent_requests_do_not_exceed_the_limit_of_owned_organizations() -> None:
    person, most = PersonWithKey.new(), settings().max_organizations
    for _ in range(most - 2):
        create(person.client, name="New")

    statuses = send_concurrently(THE_PERSON, person.id, *[lambda: create(person.client, name="New")] * 4)

    assert sorted(statuses) == [200] * 2 + [409] * 2
    assert outcome(create(person.client, name="New")) == rejected(
        409, "too_many_organizations", f"A person can own {most} organizations, and no more"
    )
    assert len(person.client.get(f"{ORGANIZATION}/list").json()) == most


def test_concurrent_organizations_of_one_name_have_distinct_slugs() -> None:
    people, word = [PersonWithKey.new() for _ in range(6)], uuid4().hex[:12]

    with ThreadPoolExecutor(6) as threads:
        slugs = list(threads.map(lambda person: create(person.client, name=word).json()["slug"], people))

    assert len({*slugs}) == 6


def test_organizations_owned_by_others_do_not_count(tenant: Tenant) -> None:
    with changed_setting("MAX_ORGANIZATIONS", "1"):
        assert members.create_organization(tenant.caller("admin"), "New", None).role == "owner"
        with pytest.raises(Conflict, match="A person can own 1 organizations"):
            members.create_organization(tenant.caller("admin"), "New", None)
