"""GET /api/organization/{orgId}/trash"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.given.items import delete, folder, photo, restore
from tests.given.shapes import A_TIME, AN_ID

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def trash(tenant: Tenant, **query: object) -> dict[str, Any]:
    answer = tenant.studio.get(f"/api/organization/{tenant.id.hex}/trash", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_deletions_are_listed_newest_first(tenant: Tenant) -> None:
    trip = folder(tenant, "trip")
    photo(tenant, trip["path"])
    lone = photo(tenant, seed=2)
    delete(tenant, lone)
    delete(tenant, trip["id"])

    answered = {
        "datasetId": tenant.collection_id.hex,
        "deletedAt": A_TIME,
        "deletedById": tenant.owner.user_id.hex,
        "purgeAt": A_TIME,
        "deletedCount": 1,
        "deletionId": AN_ID,
    }
    assert trash(tenant) == {
        "trash": [
            {**answered, "id": trip["id"], "kind": "folder", "name": "trip", "type": "folder"},
            {**answered, "id": lone, "kind": "media", "name": "photo.jpg", "type": "image"},
        ],
        "pagination": {"limit": 50, "hasMore": False, "nextCursor": None},
    }


def test_a_restored_item_is_not_in_the_trash(tenant: Tenant) -> None:
    item = folder(tenant, "back again")["id"]
    delete(tenant, item)
    restore(tenant, item)

    assert trash(tenant)["trash"] == []


def test_pages_continue_after_one_another(tenant: Tenant) -> None:
    items = [folder(tenant, f"{number}")["id"] for number in range(5)]
    for item in items:
        delete(tenant, item)

    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = trash(tenant, limit=2, **cursor)
        seen += [deletion["id"] for deletion in page["trash"]]
        if not page["pagination"]["hasMore"]:
            break
        cursor = {"cursor": page["pagination"]["nextCursor"]}

    assert seen == items[::-1]


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "NaN"}, {"cursor": "x"}])
def test_an_invalid_page_is_rejected(tenant: Tenant, query: dict[str, str]) -> None:
    answer = tenant.studio.get(f"/api/organization/{tenant.id.hex}/trash", params=query)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
