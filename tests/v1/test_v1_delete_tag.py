"""DELETE /api/v1/media-tags/{id}"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.given.answers import outcome
from tests.given.tags import given, photo, shown, tags_of
from tests.given.team_tags import NO_TAG, TAGS, UNKNOWN, done, make, of, on, team

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_a_deleted_tag_is_on_no_item_and_stays_deleted(tenant: Tenant, stranger: Tenant) -> None:
    item = photo(tenant)
    given(tenant, item, {"tags": ["Hero", "Brand"], "color": ["Hero"]})
    hero, theirs, etag = make(tenant, "Hero"), make(stranger, "Hero"), shown(tenant, item)[1]

    answers = [
        outcome(tenant.studio.delete(f"{TAGS}/{which}"))
        for which in (hero.replace("-", ""), hero, theirs, UNKNOWN, "nonsense")
    ]

    assert answers == [
        done({"message": "Media tag deleted successfully", "success": True, "id": hero}),
        *[NO_TAG] * 4,
    ]
    assert (on(tenant, item), team(tenant), tags_of(tenant, item)) == (
        ["Brand"],
        ["Brand"],
        {"color": ["Hero"], "tags": ["Brand"]},
    )
    assert (shown(tenant, item)[1] != etag, team(stranger)) == (True, ["Hero"])
    assert make(tenant, "Hero") != hero
    assert on(tenant, item) == ["Brand"]
    assert tenant.inconsistencies() == []


def test_deleting_and_adding_a_tag_at_once_leaves_no_inconsistency(tenant: Tenant) -> None:
    item = photo(tenant)
    tags = [make(tenant, f"Tag {n}") for n in range(4)]

    def turn(number: int) -> int:
        tag = tags[number % 4]
        if number % 3 == 0:
            return tenant.studio.delete(f"{TAGS}/{tag}").status_code
        if number % 3 == 1:
            return tenant.studio.put(of(item), json={"tagIds": tags[:2]}).status_code
        return tenant.studio.post(of(item), json={"tagId": tag}).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = set(threads.map(turn, range(36)))

    assert statuses <= {200, 201, 400, 404}
    assert (on(tenant, item), team(tenant)) == ([], [])
    assert tenant.inconsistencies() == []
