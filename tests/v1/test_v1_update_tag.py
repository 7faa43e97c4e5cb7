"""PATCH /api/v1/media-tags/{id}"""

from __future__ import annotations

import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.tags import add, folder, given, listed, photo, shown, slugs, tags_of
from tests.given.team_tags import NO_TAG, TAGS, UNKNOWN, done, make, on, rejected, tag, team

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

TAKEN = rejected(409, "Another tag has this name")


def change(tenant: Tenant, which: str, **body: object) -> httpx.Response:
    return tenant.studio.patch(f"{TAGS}/{which}", json=body)


def test_fields_that_are_sent_change_and_the_others_stay(tenant: Tenant) -> None:
    hero = make(tenant, "Hero")
    whole: dict[str, Any] = {
        "color": "#3b82f6",
        "icon": "star",
        "description": "Of heroes",
        "order": -1_000_000,
    }

    assert outcome(change(tenant, hero, **whole)) == done(tag("Hero", "hero", id=hero, **whole))
    assert outcome(
        change(tenant, hero.replace("-", ""), color=None, description="", order=1_000_000, slug="x", id="y")
    ) == done(tag("Hero", "hero", id=hero, **whole | {"color": None, "description": "", "order": 1_000_000}))
    after = change(tenant, hero, name=" Heroes ").json()["data"]
    assert (after["name"], after["slug"], after["icon"]) == ("Heroes", "heroes", "star")
    assert after["updatedAt"] > after["createdAt"]
    assert tenant.studio.get(TAGS).json()["data"] == [after]


def test_a_new_name_is_shown_on_every_item_in_both_apis(tenant: Tenant) -> None:
    item, place = photo(tenant), folder(tenant)
    for each in (item, place):
        given(tenant, each, {"tags": ["Hero"], "color": ["Hero"]})
    hero, etag = make(tenant, "Hero"), shown(tenant, item)[1]

    assert change(tenant, hero, name="Heroine").status_code == 200

    assert [tags_of(tenant, each) for each in (item, place)] == [{"color": ["Hero"], "tags": ["Heroine"]}] * 2
    assert (on(tenant, item), team(tenant), shown(tenant, item)[1] != etag) == (
        ["Heroine"],
        ["Heroine"],
        True,
    )
    assert make(tenant, "Hero") != hero  # the old slug is free


def test_a_hidden_tag_is_hidden_in_both_apis_until_it_is_shown_again(tenant: Tenant) -> None:
    item = photo(tenant)
    given(tenant, item, {"tags": ["Hero"]})
    hero, etag = make(tenant, "Hero"), shown(tenant, item)[1]

    assert outcome(change(tenant, hero, isActive=False)) == done(tag("Hero", "hero", id=hero, isActive=False))
    assert (on(tenant, item), team(tenant), tags_of(tenant, item), shown(tenant, item)[1] != etag) == (
        [],
        [],
        {},
        True,
    )
    assert "Hero" not in listed(tenant).text
    assert add(tenant, item, "tags", "Hero").json()["code"] == "tag_hidden"

    assert outcome(change(tenant, hero, isActive=True)) == done(tag("Hero", "hero", id=hero))
    assert (on(tenant, item), team(tenant), tags_of(tenant, item), shown(tenant, item)[1]) == (
        ["Hero"],
        ["Hero"],
        {"tags": ["Hero"]},
        etag,
    )


def test_another_tags_name_is_taken_and_its_slug_is_not(tenant: Tenant) -> None:
    given(tenant, folder(tenant), {"tags": ["Hero", "HERO", "日本"], "color": ["Blue"]})
    upper, before = make(tenant, "HERO"), slugs(tenant)
    brand = make(tenant, "Brand")

    assert [outcome(change(tenant, brand, name=name)) for name in ("Hero", "hero", "HERO", "  hErO ")] == [
        TAKEN
    ] * 4
    assert slugs(tenant) == {**before, "Brand": "brand"}
    assert [
        re.sub("[0-9a-f]{12}", "+", change(tenant, brand, name=name).json()["data"]["slug"])
        for name in ("Hero!", "日本 hero")
    ] == ["hero-+"] * 2
    change(tenant, brand, name="Brand")
    # the slug it would have has not changed
    assert change(tenant, upper, name="HERO?").json()["data"]["slug"] == before["HERO"]
    assert [
        change(tenant, brand, name=name).json()["data"]["slug"] for name in ("BRAND", "Brand", "Blue")
    ] == ["brand", "brand", "blue"]
    assert change(tenant, upper, name="Other").json()["data"]["slug"] == "other"


def test_a_wrong_change_is_rejected_and_nothing_changes(tenant: Tenant) -> None:
    hero = make(tenant, "Hero")
    before = tenant.studio.get(TAGS).json()["data"]

    def wrong(name: str, most: int) -> dict[str, object]:
        message = f"Too big: expected string to have <={most} characters"
        return {
            "origin": "string",
            "code": "too_big",
            "maximum": most,
            "inclusive": True,
            "path": [name],
            "message": message,
        }

    def mistyped(name: str, expected: str, received: str) -> dict[str, object]:
        message = f"Invalid input: expected {expected}, received {received}"
        return {"expected": expected, "code": "invalid_type", "path": [name], "message": message}

    high = {
        "origin": "number",
        "code": "too_big",
        "maximum": 1_000_000,
        "inclusive": True,
        "path": ["order"],
        "message": "Too big: expected number to be <=1000000",
    }
    cases: list[tuple[dict[str, Any], tuple[int, dict[str, object]]]] = [
        ({}, rejected(400, "No fields to update")),
        ({"slug": "x"}, rejected(400, "No fields to update")),
        ({"name": " "}, rejected(400, "Tag name is required")),
        ({"name": "A"}, rejected(400, "Tag name must have at least two letters a-z or digits")),
        ({"name": "x" * 101}, rejected(400, "Tag name must have 1 to 100 characters")),
        (
            {"color": "x" * 51, "icon": "x" * 101, "description": "x" * 256, "order": 1_000_001},
            rejected(
                400,
                "Validation failed",
                wrong("color", 50),
                wrong("icon", 100),
                wrong("description", 255),
                high,
            ),
        ),
        (
            {"name": None, "order": None, "isActive": 1},
            rejected(
                400,
                "Validation failed",
                mistyped("name", "string", "null"),
                mistyped("order", "number", "null"),
                mistyped("isActive", "boolean", "number"),
            ),
        ),
    ]

    assert [
        (body, answer.text)
        for body, expected in cases
        if outcome(answer := change(tenant, hero, **body)) != expected
    ] == []
    assert tenant.studio.get(TAGS).json()["data"] == before


def test_what_is_not_a_tag_of_the_team_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
    theirs = make(stranger, "Theirs")

    assert [
        outcome(change(tenant, which, color="red")) for which in (UNKNOWN, "nonsense", "%20", theirs)
    ] == [NO_TAG] * 4
    assert stranger.studio.get(TAGS).json()["data"] == [tag("Theirs", "theirs", id=theirs)]


def test_of_many_requests_for_one_name_at_once_one_succeeds(tenant: Tenant) -> None:
    tags = [make(tenant, f"Tag {n}") for n in range(8)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda which: change(tenant, which, name="Hero").status_code, tags))

    assert (answers.count(200), answers.count(409)) == (1, 7)
    assert team(tenant).count("Hero") == 1


def test_a_slug_that_is_taken_while_a_tag_is_renamed_gets_a_suffix(tenant: Tenant) -> None:
    tag_id = make(tenant, "Tag")
    taking = """insert into tags (organization_id, id, "group", name, slug)
                values (%s, %s, 'tags', 'M\u00f6ller', 'm-ller')"""

    with owner() as connection, ThreadPoolExecutor(1) as threads:
        connection.execute(taking, [tenant.id, uuid.uuid4()])
        answer = threads.submit(change, tenant, tag_id, name="M\u00fcller")
        waiting = """select count(*) as n
                       from pg_locks
                      where not granted
                        and transactionid = pg_current_xact_id()::xid"""
        until = time.monotonic() + 10
        while connection.execute(waiting).fetchone() == {"n": 0} and time.monotonic() < until:
            time.sleep(0.02)
        connection.commit()

    assert answer.result().status_code == 200, answer.result().text
    assert re.fullmatch("m-ller-[0-9a-f]{12}", answer.result().json()["data"]["slug"])
