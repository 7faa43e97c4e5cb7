"""POST /api/v1/media-tags"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.names import COMPOSED, DECOMPOSED
from tests.given.shapes import A_HYPHENED_ID
from tests.given.tags import add, folder, given, slugs, tags_of
from tests.given.team_tags import TAGS, done, make, rejected, team

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

REQUIRED = rejected(400, "Tag name is required")
TOO_FEW = rejected(400, "Tag name must have at least two letters a-z or digits")
BOUNDS = rejected(400, "Tag name must have 1 to 100 characters")


def create(tenant: Tenant, name: object) -> httpx.Response:
    return tenant.studio.post(TAGS, json={"name": name})


def made(name: str, slug: str, **more: object) -> tuple[int, dict[str, object]]:
    return done(
        {
            "id": A_HYPHENED_ID,
            "slug": slug,
            "name": name,
            "color": None,
            "icon": None,
            "order": 0,
            "isActive": True,
            **more,
        },
        201,
    )


def test_a_slug_is_made_of_small_letters_and_dashes(tenant: Tenant, stranger: Tenant) -> None:
    cases = {
        "Product Photos": "product-photos",
        "  Hero -- Shot!  ": "hero-shot",
        "42": "42",
        "a.b": "a-b",
        "--c/d--": "c-d",
        DECOMPOSED: "caf-z-rich",
        "x" * 100: "x" * 100,
        "\N{CAMERA}" * 98 + "ab": "ab",
        "İz": "i-z",
    }

    unlike = [
        (name, answer.text)
        for name, slug in cases.items()
        if outcome(answer := create(tenant, name))
        != made({DECOMPOSED: COMPOSED}.get(name, name.strip()), slug)
    ]

    assert unlike == []
    assert len(team(tenant)) == len(cases)
    answer = tenant.studio.post(
        TAGS, json={"name": "Brand", "color": "red", "order": 3, "isActive": False, "id": "x"}
    )
    assert outcome(answer) == made("Brand", "brand")  # anything else is ignored
    assert create(stranger, "Brand").json()["data"]["id"] != answer.json()["data"]["id"]
    assert tenant.inconsistencies() == []


def test_an_invalid_name_is_rejected_without_issues(tenant: Tenant) -> None:
    required: list[Any] = [
        {},
        {"name": None},
        {"name": 1},
        {"name": ["x"]},
        {"name": ""},
        {"name": " \t\ufeff"},
        [],
        "name",
        None,
    ]
    few: list[Any] = ["A", "日本", "!", "-a-", "é1"]

    assert [outcome(tenant.studio.post(TAGS, json=body)) for body in required] == [REQUIRED] * len(required)
    assert [outcome(create(tenant, name)) for name in few] == [TOO_FEW] * len(few)
    assert [outcome(create(tenant, name)) for name in ("x" * 101, "e\u0301" * 1000, "x" * 100_000)] == [
        BOUNDS
    ] * 3
    assert outcome(create(tenant, "a\0b")) == rejected(400, "A text holds a character that cannot be stored")
    assert outcome(tenant.studio.post(TAGS, content=b"{")) == rejected(400, "The body is not valid JSON")
    assert team(tenant) == []


def test_a_tag_with_the_slug_gets_the_new_spelling_and_stays_as_it_was_otherwise(tenant: Tenant) -> None:
    item = folder(tenant)
    given(tenant, item, {"tags": ["Hero Shot"]})
    first = create(tenant, "Hero Shot").json()["data"]["id"]
    tenant.studio.patch(f"{TAGS}/{first}", json={"color": "red", "icon": "star", "order": 7})

    answer = create(tenant, "hero shot")

    assert outcome(answer) == made("hero shot", "hero-shot", id=first, color="red", icon="star", order=7)
    assert tags_of(tenant, item) == {"tags": ["hero shot"]}
    tenant.studio.patch(f"{TAGS}/{first}", json={"isActive": False})
    assert outcome(create(tenant, "HERO SHOT")) == made(
        "HERO SHOT", "hero-shot", id=first, color="red", icon="star", order=7, isActive=False
    )
    assert (team(tenant), tags_of(tenant, item)) == ([], {})


def test_a_tag_that_studio_named_so_is_found_though_its_slug_has_a_suffix(tenant: Tenant) -> None:
    item = folder(tenant)
    given(tenant, item, {"tags": ["Hero", "HERO"]})  # the second cannot have the slug
    before = slugs(tenant)

    upper = create(tenant, "HERO").json()["data"]

    assert (upper["name"], upper["slug"]) == ("HERO", before["HERO"])
    assert upper["slug"].startswith("hero-")
    assert slugs(tenant) == before
    assert add(tenant, item, "tags", "HERO").json()["code"] == "already_tagged"


SAME = [
    "Hero Shot",
    " hero  shot ",
    "HERO-SHOT",
    "hero_shot",
    "Hero\u00a0-_ Shot",
    "hero--shot",
    "hero\tshot",
]
OTHERS = [  # of one slug and different names
    ["M\u00fcller", "M\u00f6ller", "M ller", "M\u00e9ller"],
    ["Vitamin C", "Vitamin C#", "Vitamin C++"],
    ["Version 1.5", "Version 1-5"],
    ["ab", "-ab", "ab!", "ab-", "(ab)", "\N{CAMERA}ab", "\u65e5\u672cab"],
]
A_SUFFIX = re.compile("-[0-9a-f]{12}$")


def test_a_name_is_the_same_in_other_case_and_with_other_spaces_dashes_and_underscores(
    tenant: Tenant,
) -> None:
    answers = [create(tenant, name) for name in SAME]

    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert team(tenant) == [SAME[-1]]
    greek = [
        create(tenant, name).json()["data"]["id"]
        for name in ("xx \u039f\u03a3", "xx \u03bf\u03c2", "xx \u03bf\u03c3")
    ]
    # the names have different slugs
    sharp = [create(tenant, name).json()["data"]["id"] for name in ("Stra\u00dfe", "STRASSE", "strasse")]
    forms = [
        create(tenant, name).json()["data"]["id"]
        for name in ("M\u00fcller", "Mu\u0308ller", "MU\u0308LLER", "m\u00fcller")
    ]
    assert [len({*each}) for each in (greek, sharp, forms)] == [1, 1, 1]


@pytest.mark.parametrize("names", OTHERS, ids=lambda names: names[0])
def test_another_name_with_the_same_slug_makes_another_tag_with_a_suffix(
    names: list[str], tenant: Tenant
) -> None:
    item = folder(tenant)
    given(tenant, item, {"tags": [names[0]]})

    answers = [create(tenant, name) for name in names]
    again = [create(tenant, name.upper()) for name in names]

    assert {answer.status_code for answer in (*answers, *again)} == {201}
    made_slugs = [answer.json()["data"]["slug"] for answer in answers]
    slug = made_slugs[0]
    assert [slug, *(A_SUFFIX.sub("+", each) for each in made_slugs[1:])] == [
        slug,
        *([f"{slug}+"] * (len(names) - 1)),
    ]
    assert [answer.json()["data"]["id"] for answer in again] == [
        answer.json()["data"]["id"] for answer in answers
    ]
    assert sorted(team(tenant)) == sorted(name.upper() for name in names)
    assert tags_of(tenant, item) == {"tags": [names[0].upper()]}
    assert tenant.inconsistencies() == []


def test_a_tag_older_than_name_keys_is_found_by_its_name(tenant: Tenant) -> None:
    tag = make(tenant, "M\u00fcller")
    with owner() as connection:
        connection.execute("update tags set name_key = null where organization_id = %s", [tenant.id])

    assert make(tenant, "M\u00d6LLER") != tag
    assert make(tenant, "MU\u0308LLER") == tag


def test_twenty_requests_at_once_for_two_names_of_one_slug_make_two_tags(tenant: Tenant) -> None:
    variants = ["M\u00fcller", "M\u00d6LLER", "m\u00fcller", "Mo\u0308ller"]

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda n: create(tenant, variants[n % 4]), range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["data"]["id"] for answer in answers}) == 2
    assert len(team(tenant)) == 2


def test_twenty_requests_at_once_for_one_name_make_one_tag(tenant: Tenant) -> None:
    variants = ["Hero Shot", "hero shot", "HERO-SHOT", " Hero  Shot "]

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda n: create(tenant, variants[n % 4]), range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert len(team(tenant)) == 1


def test_an_idempotency_key_returns_the_same_answer(tenant: Tenant) -> None:
    first, again = (
        tenant.studio.post(TAGS, json={"name": "Brand"}, headers={"idempotency-key": "once"})
        for _ in range(2)
    )

    assert outcome(first) == outcome(again)
    assert again.headers["idempotency-replayed"] == "true"
    assert make(tenant, "Brand") == first.json()["data"]["id"]
