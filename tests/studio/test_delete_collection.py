"""DELETE /api/dataset/{datasetId}"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from tests.given import collections as collecting
from tests.given import pictures
from tests.given.isolation_cases import owner
from tests.given.items import folder, photo
from tests.given.protocol import begin
from tests.given.shapes import AN_ID, hyphened
from tests.given.tenants import http
from tests.given.usage import usage
from vitrine import storage
from vitrine.errors import Conflict
from vitrine.library import collections
from vitrine.library import deletions as deletions

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(96, 64, seed=8)
MEDIA_NOT_FOUND = {"error": "Media not found", "code": "not_found"}


def test_the_active_items_of_the_collection_go_to_the_trash_and_no_others(tenant: Tenant) -> None:
    made, kept = collecting.make(tenant)["id"], photo(tenant)
    trip = folder(tenant, "trip", collection=made)
    items = [photo(tenant, seed=2, datasetId=made), photo(tenant, trip["path"], seed=3, datasetId=made)]
    links = [tenant.studio.get(f"/api/media/{item}").json()["media"]["blob"] for item in (*items, kept)]
    before = usage(tenant)

    answer = collecting.delete(tenant, hyphened(made))

    assert (answer.status_code, answer.json()) == (200, {"id": made, "deletedCount": 2, "deletionId": AN_ID})
    after = usage(tenant)
    assert after["counts"] == {"active": 1, "trash": 2}
    assert after["bytes"]["active"] + after["bytes"]["trash"] == before["bytes"]["active"]
    assert [tenant.studio.get(link, follow_redirects=False).status_code for link in links] == [404, 404, 302]
    assert [
        each["id"] for each in tenant.studio.get(f"/api/organization/{tenant.id.hex}/datasets").json()
    ] == [tenant.collection_id.hex]
    listed = tenant.studio.get("/api/v1/media").json()["data"]
    assert ([item["id"] for item in listed["data"]], listed["total"]) == ([hyphened(kept)], 1)
    trash = tenant.studio.get(f"/api/organization/{tenant.id.hex}/trash").json()["trash"]
    assert [
        (deletion["deletionId"], deletion["kind"], deletion["id"], deletion["name"], deletion["deletedCount"])
        for deletion in trash
    ] == [(answer.json()["deletionId"], "collection", made, "Summer 2026", 2)]
    assert tenant.inconsistencies() == []


def test_nothing_of_a_deleted_collection_is_found(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    trip = folder(tenant, "trip", collection=made)
    item = photo(tenant, datasetId=made)
    collecting.delete(tenant, made)

    def outcome(answer: httpx.Response) -> object:
        return answer.status_code, answer.json()

    of_it = [
        tenant.studio.get(f"/api/dataset/{made}"),
        tenant.studio.patch(f"/api/dataset/{made}", json={"name": "Winter"}),
        tenant.studio.delete(f"/api/dataset/{made}"),
        tenant.studio.get(f"/api/dataset/{made}/media"),
        tenant.studio.get(f"/api/dataset/{made}/media", params={"path": trip["path"]}),
        tenant.studio.post("/api/folder", json={"datasetId": made, "name": "New"}),
        tenant.studio.post(
            "/api/upload/s3/multipart",
            json={"filename": "a.jpg", "type": "image/jpeg", "metadata": {"datasetId": made}},
        ),
        tenant.studio.get(
            "/api/upload/s3/params",
            params={"filename": "a.jpg", "type": "image/jpeg", "metadata[datasetId]": made},
        ),
    ]
    of_items = [
        tenant.studio.request(method, f"/api/media/{each}")
        for method in ("GET", "DELETE")
        for each in (item, trip["id"])
    ]
    by_v1 = [tenant.studio.request(method, f"/api/v1/media/{hyphened(item)}") for method in ("GET", "DELETE")]

    assert [outcome(answer) for answer in of_it] == [collecting.NOT_FOUND] * 8
    assert [outcome(answer) for answer in of_items] == [(404, MEDIA_NOT_FOUND)] * 4
    assert [answer.status_code for answer in by_v1] == [404, 404]


def test_the_default_collection_cannot_be_deleted(tenant: Tenant) -> None:
    answer = collecting.delete(tenant, tenant.collection_id.hex)

    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "The default collection cannot be deleted", "code": "default_collection"},
    )
    assert tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}").status_code == 200


def test_a_stale_etag_is_rejected(tenant: Tenant) -> None:
    made = collecting.make(tenant)
    seen = tenant.studio.get(f"/api/dataset/{made['id']}").headers["etag"]
    tenant.studio.patch(f"/api/dataset/{made['id']}", json={"name": "Winter"})

    late = tenant.studio.delete(f"/api/dataset/{made['id']}", headers={"if-match": seen})

    assert (late.status_code, late.json()) == (
        412,
        {"error": "It has changed since it was read; read it again", "code": "stale"},
    )
    assert tenant.studio.get(f"/api/dataset/{made['id']}").status_code == 200


def test_of_ten_concurrent_deletions_one_succeeds(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    photo(tenant, datasetId=made)

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: collecting.delete(tenant, made), range(10)))

    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 9
    assert usage(tenant)["counts"] == {"active": 0, "trash": 1}
    assert tenant.inconsistencies() == []


def test_items_deleted_before_stay_with_their_own_deletion(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    earlier, later = photo(tenant, seed=1, datasetId=made), photo(tenant, seed=2, datasetId=made)
    deletion = tenant.studio.delete(f"/api/media/{earlier}").json()["deletionId"]

    answer = collecting.delete(tenant, made)

    assert answer.json()["deletedCount"] == 1
    with owner() as connection:
        rows = connection.execute("select id, deletion_id from media where organization_id = %s", [tenant.id])
        deletions_of = {row["id"].hex: row["deletion_id"].hex for row in rows}
    assert deletions_of == {earlier: deletion, later: answer.json()["deletionId"]}
    for item in (earlier, later):
        restored = tenant.studio.post(f"/api/media/{item}/restore")
        assert (restored.status_code, restored.json()) == (
            409,
            {
                "error": "The collection of this item is deleted; restore the collection first",
                "code": "conflict",
            },
        )
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize(("items", "status"), [(4, 200), (5, 409)])
def test_nothing_is_deleted_beyond_the_limit_of_one_deletion(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, items: int, status: int
) -> None:
    made = collecting.make(tenant)["id"]
    for _ in range(items):
        folder(tenant, "trip", collection=made)
    monkeypatch.setattr(deletions, "MAX_DELETED_AT_ONCE", 4)

    try:
        collections.delete(tenant.owner, UUID(made))
        answered: tuple[int, str] = (200, "")
    except Conflict as conflict:
        answered = (conflict.status, conflict.sentence)

    assert answered == (
        status,
        ""
        if status == 200
        else "More than 4 items cannot be deleted at once; delete the folders in it one by one",
    )
    assert tenant.studio.get(f"/api/dataset/{made}").status_code == (404 if status == 200 else 200)


def test_uploads_in_progress_are_aborted_and_leave_nothing(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    parts, untouched = begin(tenant, metadata={"datasetId": made}), begin(tenant)
    parts.put(1, PHOTO)
    form = tenant.studio.get(
        "/api/upload/s3/params",
        params={"filename": "a.jpg", "type": "image/jpeg", "metadata[datasetId]": made},
    ).json()

    assert collecting.delete(tenant, made).json()["deletedCount"] == 0

    states = [
        tenant.studio.get(f"/api/upload/{media}").json()["state"]
        for media in (parts.media, form["mediaId"], untouched.media)
    ]
    assert states == ["aborted", "aborted", "created"]
    assert parts.answer["key"] not in {each.key for each in storage.list_multiparts()}
    rejected = parts.complete()
    assert (rejected.status_code, rejected.json()["code"]) == (409, "upload_aborted")
    assert tenant.inconsistencies() == []


def test_restoring_the_collection_does_not_resume_an_upload(tenant: Tenant) -> None:
    made = collecting.make(tenant)["id"]
    parts = begin(tenant, metadata={"datasetId": made})
    collecting.delete(tenant, made)

    assert collecting.restore(tenant, made).status_code == 200

    assert tenant.studio.get(f"/api/upload/{parts.media}").json()["state"] == "aborted"
    assert tenant.inconsistencies() == []


def test_deleting_a_collection_while_files_are_uploaded_into_it(tenant: Tenant) -> None:
    """Whichever comes first: a file is deleted with the collection or rejected, and no upload stays open."""
    made = collecting.make(tenant)["id"]

    def upload(number: int) -> None:
        answer = tenant.studio.post(
            "/api/upload/s3/multipart",
            json={"filename": f"{uuid4()}.jpg", "type": "image/jpeg", "metadata": {"datasetId": made}},
        )
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()) in (
                collecting.NOT_FOUND,
                (409, {"error": "The upload was ended while it was being opened", "code": "conflict"}),
            )
            return
        if number % 2:  # this client sends nothing more
            return
        created = answer.json()
        path, key = f"/api/upload/s3/multipart/{created['uploadId']}", {"key": created["key"]}
        signed = tenant.studio.get(f"{path}/1", params=key)
        data = pictures.jpeg(40, 30, seed=number)
        if (
            signed.status_code == 200
            and http().put(signed.json()["url"], content=data, timeout=60).status_code == 200
        ):
            assert tenant.studio.post(f"{path}/complete", params=key, json={"parts": []}).status_code in (
                200,
                400,
                409,
                422,
            )

    with ThreadPoolExecutor(8) as threads:
        uploads = [threads.submit(upload, number) for number in range(12)]
        deleted = threads.submit(collecting.delete, tenant, made)
        uploads += [threads.submit(upload, number) for number in range(12, 40)]
        for each in uploads:
            each.result()

    assert deleted.result().status_code == 200
    with owner() as connection:
        states = {
            row["state"]
            for row in connection.execute("select state from uploads where organization_id = %s", [tenant.id])
        }
    assert states <= {"aborted", "rejected", "stored", "processing", "ready"}
    assert usage(tenant)["counts"]["active"] == 0
    assert tenant.inconsistencies() == []
