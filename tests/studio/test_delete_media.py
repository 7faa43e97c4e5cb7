"""DELETE /api/media/{mediaId}"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.given import pictures
from tests.given.shapes import AN_ID, hyphened
from tests.given.usage import usage
from vitrine.library import folders

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(60, 40, seed=51)
NOT_FOUND = (404, {"error": "Media not found", "code": "not_found"})


def test_a_deleted_file_is_listed_nowhere_and_its_bytes_count_as_trash(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)
    before = usage(tenant)

    answer = tenant.studio.delete(f"/api/media/{photo}")

    assert (answer.status_code, answer.json()) == (200, {"id": photo, "deletedCount": 1, "deletionId": AN_ID})
    assert tenant.studio.get(f"/api/media/{photo}").status_code == 404
    assert (
        tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["pagination"]["total"] == 0
    )
    assert tenant.studio.get("/api/v1/media").json()["data"] == {
        "data": [],
        "total": 0,
        "limit": 20,
        "offset": 0,
    }
    assert usage(tenant) == {
        "bytes": {**before["bytes"], "active": 0, "trash": before["bytes"]["total"]},
        "counts": {"active": 0, "trash": 1},
        "limit": None,
    }
    assert tenant.inconsistencies() == []


def test_deleting_twice_counts_once(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)
    tenant.studio.delete(f"/api/media/{photo}")
    once = usage(tenant)

    again = tenant.studio.delete(f"/api/media/{photo}")

    assert (again.status_code, again.json()) == NOT_FOUND
    assert usage(tenant) == once
    assert tenant.inconsistencies() == []


def test_of_ten_concurrent_deletions_one_succeeds(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)

    with ThreadPoolExecutor(10) as threads:
        asked = [threads.submit(tenant.studio.delete, f"/api/media/{photo}") for _ in range(10)]
        answers = [each.result() for each in asked]

    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 9
    assert usage(tenant)["counts"] == {"active": 0, "trash": 1}
    assert tenant.inconsistencies() == []


def test_a_folder_is_deleted_with_everything_below_it_and_nothing_beside_it(tenant: Tenant) -> None:
    outer = folders.create(tenant.owner, tenant.collection_id, "outer", path=None, reuse=False)
    inner = folders.create(tenant.owner, tenant.collection_id, "inner", path=outer.path, reuse=False)
    beside = folders.create(tenant.owner, tenant.collection_id, "beside", path=None, reuse=False)
    photos = [tenant.post_file(PHOTO, path=str(place.path)) for place in (outer, inner, inner, beside)]
    assert [tenant.finished(photo)["state"] for photo in photos] == ["ready"] * 4

    answer = tenant.studio.delete(f"/api/media/{outer.id}")

    assert (answer.status_code, answer.json()) == (
        200,
        {"id": outer.id.hex, "deletedCount": 3, "deletionId": AN_ID},
    )
    assert [
        tenant.studio.get(f"/api/media/{item}").status_code
        for item in (outer.id, inner.id, *photos, beside.id)
    ] == [404] * 5 + [200] * 2
    assert usage(tenant)["counts"] == {"active": 1, "trash": 3}
    assert tenant.inconsistencies() == []


def test_an_item_deleted_before_stays_with_its_own_deletion(tenant: Tenant) -> None:
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False)
    photo = tenant.ready(PHOTO, path=str(folder.path))
    tenant.studio.delete(f"/api/media/{photo}")

    assert tenant.studio.delete(f"/api/media/{folder.id}").json() == {
        "id": folder.id.hex,
        "deletedCount": 0,
        "deletionId": AN_ID,
    }
    assert tenant.inconsistencies() == []


def test_an_item_with_a_stale_etag_is_not_deleted(tenant: Tenant) -> None:
    for route in ("media", "folder"):
        folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False).id.hex
        stale = tenant.studio.get(f"/api/media/{folder}").headers["etag"]
        tenant.studio.patch(f"/api/media/{folder}", json={"name": "y"})
        fresh = tenant.studio.get(f"/api/{route}/{folder}").headers["etag"]

        answers = [
            tenant.studio.delete(f"/api/{route}/{folder}", headers={"if-match": etag})
            for etag in (stale, f'{stale}, "x"', fresh, fresh)
        ]

        assert [answer.status_code for answer in answers] == [412, 412, 200, 404]
        assert answers[0].json() == {
            "error": "It has changed since it was read; read it again",
            "code": "stale",
        }
    assert tenant.inconsistencies() == []


def test_both_formats_of_an_id_are_accepted(tenant: Tenant) -> None:
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False).id.hex

    assert tenant.studio.delete(f"/api/media/{hyphened(folder)}").json()["id"] == folder


def test_an_empty_body_may_be_declared_as_json(tenant: Tenant) -> None:
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False).id

    assert (
        tenant.studio.delete(f"/api/media/{folder}", headers={"content-type": "application/json"}).status_code
        == 200
    )


def test_a_collection_is_not_an_item(tenant: Tenant) -> None:
    answer = tenant.studio.delete(f"/api/media/{tenant.collection_id}")

    assert (answer.status_code, answer.json()) == NOT_FOUND


def test_nothing_can_be_created_in_a_deleted_folder(tenant: Tenant) -> None:
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False)
    tenant.studio.delete(f"/api/media/{folder.id}")

    answer = tenant.studio.post(
        "/api/folder", json={"datasetId": tenant.collection_id.hex, "name": "y", "path": str(folder.path)}
    )

    assert (answer.status_code, answer.json()) == (404, {"error": "Folder not found", "code": "not_found"})
