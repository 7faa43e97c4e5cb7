"""PUT /api/v1/media/{id}/tags"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.given.answers import outcome
from tests.given.tags import folder, given, hide, photo, put_many, shown, tags_of
from tests.given.team_tags import NO_MEDIA, UNKNOWN, done, make, of, on, rejected, tag, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.given.tenants import Tenant

INVALID = "Invalid request body"


def put(tenant: Tenant, item: str, *tags: object) -> httpx.Response:
    return tenant.studio.put(of(item), json={"tagIds": list(tags)})


def test_a_file_has_these_tags_and_no_others_of_the_group(tenant: Tenant) -> None:
    item = photo(tenant)
    given(tenant, item, {"color": ["red"], "tags": ["Old", "Hidden"]})
    hide(tenant, "tags", "Hidden")
    brand, hero = make(tenant, "Brand"), make(tenant, "Hero")

    answer = put(tenant, item, hero, brand, hero, brand.replace("-", ""))

    assert outcome(answer) == done([tag("Brand", "brand", id=brand), tag("Hero", "hero", id=hero)])
    assert tags_of(tenant, item) == {"color": ["red"], "tags": ["Brand", "Hero"]}

    etag = shown(tenant, item)[1]
    assert put(tenant, item, hero, brand).status_code == 200
    assert shown(tenant, item)[1] == etag  # nothing changed
    assert outcome(put(tenant, item)) == done([])
    assert shown(tenant, item)[1] != etag
    hide(tenant, "tags", "Hidden", hidden=False)
    assert tags_of(tenant, item) == {"color": ["red"], "tags": ["Hidden"]}
    assert tenant.inconsistencies() == []


def test_an_id_that_is_not_a_tag_of_the_team_rejects_the_whole_list(tenant: Tenant, stranger: Tenant) -> None:
    item, brand, hero, others = (
        photo(tenant),
        make(tenant, "Brand"),
        make(tenant, "Hero"),
        make(stranger, "Theirs"),
    )
    given(tenant, item, {"color": ["red"]})
    put(tenant, item, brand)
    before = shown(tenant, item)
    many = {
        "origin": "array",
        "code": "too_big",
        "maximum": 500,
        "inclusive": True,
        "path": ["tagIds"],
        "message": "Too big: expected array to have <=500 items",
    }
    number = {
        "expected": "string",
        "code": "invalid_type",
        "path": ["tagIds", 1],
        "message": "Invalid input: expected string, received number",
    }
    cases: list[tuple[list[Any], list[Mapping[str, object]]]] = [
        (
            [hero, others, brand, "nonsense", UNKNOWN],
            [unknown(others, "tagIds", 1), unknown("nonsense", "tagIds", 3), unknown(UNKNOWN, "tagIds", 4)],
        ),
        ([hero, 1], [number]),
        ([hero] * 501, [many]),
    ]

    unlike = [
        (tags, answer.text)
        for tags, issues in cases
        if outcome(answer := put(tenant, item, *tags)) != rejected(400, INVALID, *issues)
    ]

    assert unlike == []
    assert put(tenant, item, *[hero] * 400, *[brand] * 100).status_code == 200
    assert put(tenant, item, brand).status_code == 200
    hide(tenant, "tags", "Hero")
    assert outcome(put(tenant, item, hero)) == rejected(
        409, "This tag is hidden in the organization and cannot be given"
    )
    put_many(tenant, item, "many", 498)  # with the one of the group "color" and the one of ours: 500
    hide(tenant, "tags", "Hero", hidden=False)
    assert outcome(put(tenant, item, brand, hero)) == rejected(409, "An item can have 500 tags, and no more")
    assert outcome(put(tenant, item, hero)) == done([tag("Hero", "hero", id=hero)])
    assert put(tenant, item, brand).status_code == 200
    assert (
        shown(tenant, item)[0]["metadata"]["tags"]["tags"]
        == before[0]["metadata"]["tags"]["tags"]
        == ["Brand"]
    )


def test_the_file_is_looked_up_before_the_body_is_validated(tenant: Tenant) -> None:
    assert outcome(tenant.studio.put(f"/api/v1/media/{UNKNOWN}/tags", json={})) == NO_MEDIA
    assert outcome(put(tenant, folder(tenant))) == NO_MEDIA


def test_of_many_requests_at_once_the_last_one_wins_whole(tenant: Tenant) -> None:
    item = photo(tenant)
    tags = [make(tenant, f"Tag {n}") for n in range(4)]
    sets = [[tags[0], tags[1]], [tags[2], tags[3]], [tags[1], tags[2]], []]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: put(tenant, item, *sets[n % 4]), range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert [[each["id"] for each in answer.json()["data"]] for answer in answers] == [
        sets[n % 4] for n in range(16)
    ]
    assert on(tenant, item) in ([], ["Tag 0", "Tag 1"], ["Tag 2", "Tag 3"], ["Tag 1", "Tag 2"])
    assert tenant.inconsistencies() == []
