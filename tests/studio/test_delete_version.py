"""DELETE /api/media/{mediaId}/versions?versionId=, and what becomes of a deleted version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.given import versions as families
from tests.given.answers import outcome
from tests.given.items import read_item
from tests.given.shapes import hyphened

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

FIRST = (
    400,
    {"error": "The first version cannot be deleted alone; delete the item", "code": "first_version"},
)
IN_TRASH = (
    409,
    {"error": "The item of this version is deleted; restore the item first", "code": "item_deleted"},
)


def trash(tenant: Tenant) -> list[tuple[str, str, str, int]]:
    deletions = tenant.studio.get(f"/api/organization/{tenant.id.hex}/trash").json()["trash"]
    return [
        (deletion["id"], deletion["kind"], deletion["name"], deletion["deletedCount"])
        for deletion in deletions
    ]


def test_a_deleted_version_is_replaced_by_the_newest_left_and_can_be_restored(tenant: Tenant) -> None:
    item, second, third, fourth = families.make(tenant, 4)
    (stored, _), link = families.bytes_and_counts(tenant), read_item(tenant, fourth)["blob"]
    size = {each: read_item(tenant, each)["sizeBytes"] for each in (second, third, fourth)}

    # The active version, another version, the selected version, and a version by its own id are deleted.
    assert outcome(families.delete(tenant, item, hyphened(fourth))) == (
        200,
        {"deletedId": fourth, "promotedId": third},
    )
    assert outcome(families.delete(tenant, third, second)) == (
        200,
        {"deletedId": second, "promotedId": None},
    )
    assert families.listed(tenant, item) == [(item, 1, False), (third, 3, True)]
    assert httpx.get(link).status_code == 404
    after = families.bytes_and_counts(tenant)
    assert (after[1], after[0]["total"]) == ({"active": 2, "trash": 2}, stored["total"])
    assert after[0]["trash"] > size[second] + size[fourth]
    assert trash(tenant) == [(second, "version", "one.jpg", 1), (fourth, "version", "one.jpg", 1)]
    third_gone = tenant.studio.delete(f"/api/media/{third}")
    assert (third_gone.status_code, third_gone.json()["id"], third_gone.json()["deletedCount"]) == (
        200,
        third,
        1,
    )
    assert read_item(tenant, item)["width"] == 41

    # A deleted version is not found on any route, and nothing is counted again.
    for answer in (families.delete(tenant, item, third), tenant.studio.delete(f"/api/media/{third}")):
        assert outcome(answer) in (families.NO_VERSION, families.NOT_FOUND)
    for path in (f"/api/media/{third}", f"/api/media/{third}/versions"):
        assert outcome(tenant.studio.get(path)) == families.NOT_FOUND
    assert families.bytes_and_counts(tenant)[1] == {"active": 1, "trash": 3}

    # A version is restored by its own id, and the newest is shown again. v1 does not restore versions.
    assert tenant.studio.post(f"/api/v1/media/{third}/restore").status_code == 404
    assert families.restore(tenant, third) == (
        200,
        {"id": third, "restoredCount": 1, "deletionId": third_gone.json()["deletionId"]},
    )
    assert [families.restore(tenant, each)[1]["restoredCount"] for each in (fourth, second)] == [1, 1]
    assert families.listed(tenant, item) == [
        (item, 1, False),
        (second, 2, False),
        (third, 3, False),
        (fourth, 4, True),
    ]
    assert families.restore(tenant, fourth) == (
        409,
        {"error": "This item is not deleted", "code": "not_deleted"},
    )
    assert (families.bytes_and_counts(tenant), httpx.get(link).status_code, trash(tenant)) == (
        (stored, {"active": 4, "trash": 0}),
        302,
        [],
    )

    # A selection ends when the selected version is deleted.
    families.select(tenant, second)
    tag = tenant.studio.get(f"/api/media/{item}").headers["etag"]
    families.select(tenant, third)
    assert families.delete(tenant, item, third, **{"if-match": tag}).status_code == 412
    assert families.delete(tenant, item, third).json() == {"deletedId": third, "promotedId": fourth}
    families.restore(tenant, third)
    assert families.active(tenant, item) == fourth
    assert tenant.inconsistencies() == []


def test_versions_that_cannot_be_deleted_alone(tenant: Tenant, stranger: Tenant) -> None:
    item, second = families.make(tenant, 2)
    other, others_second = families.make(tenant, 2)
    theirs = families.make(stranger, 2)[1]

    answers = {
        version: outcome(families.delete(tenant, item, version))
        for version in (item, hyphened(item), others_second, other, theirs)
    }
    malformed = [
        tenant.studio.delete(f"/api/media/{item}/versions", params=query)
        for query in ({}, {"versionId": "nonsense"})
    ]

    assert answers == {
        item: FIRST,
        hyphened(item): FIRST,
        **dict.fromkeys((others_second, other, theirs), families.NO_VERSION),
    }
    assert [answer.status_code for answer in malformed] == [400, 400]
    assert [version for version, _, _ in families.listed(tenant, item)] == [item, second]
    assert tenant.inconsistencies() + stranger.inconsistencies() == []


def test_an_item_is_deleted_and_restored_with_its_active_versions(tenant: Tenant) -> None:
    item, second, third = families.make(tenant, 3)
    assert families.delete(tenant, item, second).status_code == 200

    deleted = tenant.studio.delete(f"/api/media/{item}").json()

    assert deleted["deletedCount"] == 2
    assert families.bytes_and_counts(tenant)[1] == {"active": 0, "trash": 3}
    assert families.restore(tenant, second) == IN_TRASH
    assert outcome(families.delete(tenant, item, third)) == families.NO_VERSION
    assert tenant.inconsistencies() == []
    # Any version of the item restores its deletion; a version that was deleted before stays deleted.
    assert families.restore(tenant, third) == (
        200,
        {"id": third, "restoredCount": 2, "deletionId": deleted["deletionId"]},
    )
    assert families.listed(tenant, item) == [(item, 1, False), (third, 3, True)]
    assert families.restore(tenant, second)[0] == 200
    assert families.listed(tenant, item) == [(item, 1, False), (second, 2, False), (third, 3, True)]
    assert tenant.inconsistencies() == []
