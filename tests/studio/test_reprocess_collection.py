"""POST /api/dataset/{datasetId}/reprocess"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.given import collections as collecting
from tests.given import jobs, pictures, reprocessing
from tests.given import versions as families
from tests.given.items import folder, read_item

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(64, 40, seed=33)
BROKEN = PHOTO[: len(PHOTO) // 2]


def ask(tenant: Tenant, collection: str, **answered: Any) -> httpx.Response:
    return tenant.studio.post(f"/api/dataset/{collection}/reprocess", json=answered)


def under_way(tenant: Tenant, items: list[str]) -> list[str]:
    return [item for item in items if "reprocessing" in read_item(tenant, item)["processing"]]


def test_failed_items_and_then_all_are_reprocessed_batch_by_batch(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    trip = folder(tenant, "trip", collection=made)
    photos = [tenant.ready(PHOTO, datasetId=made, path=trip["path"])]
    broken = [
        tenant.post_file(BROKEN, datasetId=collection)
        for collection in (made, made, tenant.collection_id.hex)
    ]
    elsewhere = broken.pop()
    assert [tenant.finished(each)["state"] for each in (*broken, elsewhere)] == ["failed"] * 3

    first = ask(tenant, made, limit=1)
    cursor = first.json()["nextCursor"]
    second = ask(tenant, made, processing="failed", limit=2, cursor=cursor)

    assert (first.status_code, first.json()) == (202, {"requested": 1, "nextCursor": cursor})
    assert (second.status_code, second.json()) == (202, {"requested": 1, "nextCursor": None})
    assert under_way(tenant, [*photos, *broken, elsewhere]) == broken
    assert ask(tenant, made).json() == {"requested": 0, "nextCursor": None}  # all are pending
    jobs.run("send_outbox")
    assert [reprocessing.done(tenant, each)["processing"]["reason"] for each in broken] == [
        "The file is cut short"
    ] * 2

    requested, cursor = 0, None
    for _ in range(3):
        answered = ask(
            tenant, made, processing="all", limit=2, **({"cursor": cursor} if cursor else {})
        ).json()
        requested, cursor = requested + answered["requested"], answered["nextCursor"]
        if cursor is None:
            break
    assert (requested, cursor, under_way(tenant, [*photos, *broken, elsewhere])) == (
        3,
        None,
        [*photos, *broken],
    )
    assert families.bytes_and_counts(tenant)[1] == {"active": 4, "trash": 0}
    assert tenant.inconsistencies() == []


def test_an_invalid_batch_is_rejected(tenant: Tenant) -> None:
    answers = [
        ask(tenant, tenant.collection_id.hex, **answered)
        for answered in ({"limit": 0}, {"limit": 1001}, {"processing": "ready"}, {"cursor": "x"})
    ]

    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [
        (400, "limit: Must be 1 or more"),
        (400, "limit: Must be 1000 or less"),
        (400, "processing: Must be one of failed, all"),
        (400, "The cursor is not one of this listing"),
    ]
