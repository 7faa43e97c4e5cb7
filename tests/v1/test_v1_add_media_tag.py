"""POST /api/v1/media/{id}/tags"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.given.answers import outcome
from tests.given.tags import add, folder, given, hide, photo, put_many, shown, tags_of
from tests.given.team_tags import NO_MEDIA, UNKNOWN, done, make, of, on, rejected, tag, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.given.tenants import Tenant

INVALID = "Invalid request body"
HIDDEN = rejected(409, "This tag is hidden in the organization and cannot be given")


def test_adding_a_tag_is_idempotent_and_studio_shows_it(tenant: Tenant) -> None:
    item, brand, hero = photo(tenant), make(tenant, "Brand"), make(tenant, "Hero")
    given(tenant, item, {"color": ["red"]})
    before = shown(tenant, item)[1]

    first = tenant.studio.post(of(item), json={"tagId": hero})
    changed = shown(tenant, item)[1]
    again = tenant.studio.post(of(item), json={"tagId": hero.replace("-", "").upper()})

    assert [outcome(answer) for answer in (first, again)] == [done([tag("Hero", "hero", id=hero)], 201)] * 2
    assert before != changed == shown(tenant, item)[1]  # the second request changed nothing
    assert outcome(tenant.studio.post(of(item), json={"tagId": brand})) == done(
        [tag("Brand", "brand", id=brand), tag("Hero", "hero", id=hero)], 201
    )
    assert tags_of(tenant, item) == {"color": ["red"], "tags": ["Brand", "Hero"]}
    assert add(tenant, item, "tags", "Hero").json()["code"] == "already_tagged"
    assert tenant.inconsistencies() == []


def test_what_is_not_a_tag_of_the_team_is_rejected_and_nothing_changes(
    tenant: Tenant, stranger: Tenant
) -> None:
    item, others = photo(tenant), make(stranger, "Theirs")
    given(tenant, item, {"color": ["red"], "tags": ["Kept"]})
    before = shown(tenant, item)[1]
    short = {
        "origin": "string",
        "code": "too_small",
        "minimum": 1,
        "inclusive": True,
        "path": ["tagId"],
        "message": "Too small: expected string to have >=1 characters",
    }
    long = {
        "origin": "string",
        "code": "too_big",
        "maximum": 100,
        "inclusive": True,
        "path": ["tagId"],
        "message": "Too big: expected string to have <=100 characters",
    }
    missing = {
        "expected": "string",
        "code": "invalid_type",
        "path": ["tagId"],
        "message": "Invalid input: expected string, received undefined",
    }
    cases: list[tuple[Any, Mapping[str, object]]] = [
        *(({"tagId": name}, unknown(name, "tagId")) for name in (others, UNKNOWN, "tag-001", " ")),
        ({"tagId": ""}, short),
        ({"tagId": "x" * 101}, long),
        ({}, missing),
    ]

    unlike = [
        (body, answer.text)
        for body, issue in cases
        if outcome(answer := tenant.studio.post(of(item), json=body)) != rejected(400, INVALID, issue)
    ]

    assert unlike == []
    assert outcome(tenant.studio.post(of(item), content=b"{")) == rejected(400, "The body is not valid JSON")
    assert (shown(tenant, item)[1], on(tenant, item)) == (before, ["Kept"])


def test_the_file_is_looked_up_before_the_body_is_validated(tenant: Tenant) -> None:
    assert outcome(tenant.studio.post(f"/api/v1/media/{UNKNOWN}/tags", json={})) == NO_MEDIA
    assert outcome(tenant.studio.post(of(folder(tenant)), json={"tagId": make(tenant, "Brand")})) == NO_MEDIA


def test_a_hidden_tag_is_not_added_and_a_file_has_500_tags_at_most(tenant: Tenant) -> None:
    item, hero, brand = photo(tenant), make(tenant, "Hero"), make(tenant, "Brand")
    tenant.studio.post(of(item), json={"tagId": hero})
    put_many(tenant, item, "many", 499)

    assert outcome(tenant.studio.post(of(item), json={"tagId": brand})) == rejected(
        409, "An item can have 500 tags, and no more"
    )
    assert outcome(tenant.studio.post(of(item), json={"tagId": hero}))[0] == 201
    hide(tenant, "tags", "Hero")
    assert outcome(tenant.studio.post(of(item), json={"tagId": hero})) == HIDDEN
    assert on(tenant, item) == []


def test_twenty_requests_at_once_all_add_their_tag(tenant: Tenant) -> None:
    item = photo(tenant)
    tags = [make(tenant, f"Tag {n}") for n in range(5)]

    with ThreadPoolExecutor(20) as threads:
        answers = list(
            threads.map(lambda n: tenant.studio.post(of(item), json={"tagId": tags[n % 5]}), range(20))
        )

    assert {answer.status_code for answer in answers} == {201}
    assert on(tenant, item) == [f"Tag {n}" for n in range(5)]
