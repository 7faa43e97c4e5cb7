"""POST /api/upload/s3/multipart"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from tests.given.protocol import MIB, begin
from vitrine.settings import GIB

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_the_response_has_what_uppy_and_a_resuming_client_need(tenant: Tenant) -> None:
    answer = tenant.studio.post(
        "/api/upload/s3/multipart",
        json={"filename": "a photo.jpg", "type": "image/jpeg", "metadata": {"name": "A photo"}},
    )

    assert answer.status_code == 200
    answered = answer.json()
    assert sorted(answered) == ["bucket", "expiresAt", "key", "mediaId", "partSize", "uploadId"]
    assert answered["partSize"] == 8 * MIB
    assert answered["bucket"] == os.environ["BUCKET"]
    assert UUID(hex=answered["uploadId"]) != UUID(hex=answered["mediaId"])
    assert tenant.inconsistencies() == []


def test_the_item_does_not_exist_before_its_bytes(tenant: Tenant) -> None:
    upload = begin(tenant)

    assert tenant.studio.get(f"/api/media/{upload.media}").status_code == 404
    assert tenant.studio.get(f"/api/upload/{upload.media}").json()["state"] == "created"


@pytest.mark.parametrize(
    ("size", "part_size"),
    [(None, 8 * MIB), (1, 8 * MIB), (5 * GIB, 8 * MIB)],
)
def test_ten_thousand_parts_suffice(tenant: Tenant, size: int | None, part_size: int) -> None:
    upload = begin(tenant, size=size)

    assert upload.answer["partSize"] == part_size


def test_the_size_may_be_declared_in_the_metadata_as_uppy_does(tenant: Tenant) -> None:
    answer = tenant.studio.post(
        "/api/upload/s3/multipart",
        json={
            "filename": "a.jpg",
            "type": "image/jpeg",
            "metadata": {"size": str(6 * GIB), "whatever": "else"},
        },
    )

    assert answer.status_code == 413
    assert answer.json() == {
        "error": f"The file has {6 * GIB} bytes; the limit is {5 * GIB}",
        "code": "too_large",
    }


REJECTED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no filename": ({"type": "image/jpeg"}, 400, "invalid"),
    "an empty filename": ({"filename": "", "type": "image/jpeg"}, 400, "invalid"),
    "a filename of 256 characters": ({"filename": "a" * 256, "type": "image/jpeg"}, 400, "invalid"),
    "a NUL in the name": ({"filename": "a\0.jpg", "type": "image/jpeg"}, 400, "invalid"),
    "an empty file": ({"filename": "a.jpg", "type": "image/jpeg", "size": 0}, 400, "empty_file"),
    "a negative size": ({"filename": "a.jpg", "type": "image/jpeg", "size": -1}, 400, "empty_file"),
    "a size that is no number": ({"filename": "a.jpg", "type": "image/jpeg", "size": "many"}, 400, "invalid"),
    "one byte over the limit": (
        {"filename": "a.jpg", "type": "image/jpeg", "size": 5 * GIB + 1},
        413,
        "too_large",
    ),
    "a type with a control character": ({"filename": "a.jpg", "type": "image/jpeg\r\nx: y"}, 400, "invalid"),
    "a type of 256 characters": ({"filename": "a.jpg", "type": "a/" + "b" * 254}, 400, "invalid"),
    "a type that is not accepted": ({"filename": "a.exe", "type": "application/x-msdownload"}, 200, ""),
    "a part too small": (
        {"filename": "a.jpg", "type": "image/jpeg", "partSize": 5 * MIB - 1},
        400,
        "invalid",
    ),
    "parts too many": (
        {"filename": "a.jpg", "type": "image/jpeg", "partSize": 5 * MIB, "size": 5 * GIB, "checksum": None},
        200,
        "",
    ),
    "an unknown checksum": (
        {"filename": "a.jpg", "type": "image/jpeg", "checksum": {"algorithm": "MD5", "value": "AAAA"}},
        400,
        "invalid",
    ),
    "a checksum that is no base64": (
        {"filename": "a.jpg", "type": "image/jpeg", "checksum": {"algorithm": "SHA256", "value": "?"}},
        400,
        "invalid",
    ),
    "an unknown collection": (
        {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"datasetId": "0" * 32}},
        404,
        "not_found",
    ),
    "a malformed collection": (
        {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"datasetId": "here"}},
        400,
        "invalid",
    ),
    "a relative path upwards": (
        {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"relativePath": "a/../a.jpg"}},
        400,
        "invalid",
    ),
    "an absolute path": (
        {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"relativePath": "/a/a.jpg"}},
        400,
        "invalid",
    ),
    "a path to no file": (
        {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"relativePath": "a/"}},
        400,
        "invalid",
    ),
    "a path of Windows": (
        {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"relativePath": "a\\a.jpg"}},
        400,
        "invalid",
    ),
    "a path of 33 folders": (
        {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"relativePath": "a/" * 33 + "a.jpg"}},
        400,
        "invalid",
    ),
    "a path to a file of another name": (
        {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"relativePath": "a/b.jpg"}},
        200,
        "",
    ),
    "a title of 256 characters": (
        {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"title": "a" * 256}},
        400,
        "invalid",
    ),
}


@pytest.mark.parametrize("what", REJECTED)
@pytest.mark.sampled(3)
def test_invalid_declarations_are_rejected_before_a_byte_is_sent(tenant: Tenant, what: str) -> None:
    body, status, code = REJECTED[what]

    answer = tenant.studio.post("/api/upload/s3/multipart", json=body)

    assert answer.status_code == status, answer.text
    if status != 200:
        assert sorted(answer.json()) in (["code", "error"], ["code", "details", "error"])
        assert answer.json()["code"] == code
    assert tenant.inconsistencies() == []


def test_null_metadata_counts_as_missing_in_json_and_as_text(tenant: Tenant) -> None:
    for null in (None, "null", ""):
        upload = begin(tenant, metadata={"name": null, "datasetId": null, "relativePath": null, "path": null})

        assert tenant.studio.get(f"/api/upload/{upload.media}").json()["name"] == "photo.jpg"


def test_each_folder_of_a_relative_path_is_created_once(tenant: Tenant) -> None:
    for path in ("trip/day 1/photo.jpg", "trip/day 2/photo.jpg", "trip/photo.jpg"):
        begin(tenant, metadata={"relativePath": path})

    (trip,) = tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["media"]
    days = tenant.studio.get(
        f"/api/dataset/{tenant.collection_id.hex}/media", params={"path": trip["path"]}
    ).json()["media"]
    assert trip["name"] == "trip"
    assert sorted(day["name"] for day in days) == ["day 1", "day 2"]
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("way", ["post", "parts"])
def test_folders_come_from_the_relative_path_and_the_name_from_the_filename(tenant: Tenant, way: str) -> None:
    for filename, path in (
        ("Sunset.png", "trip/IMG_1.png"),
        ("IMG_2.webp", "trip/a\\b.jpg"),
        ("IMG_3.png", "IMG_9.png"),
    ):
        answered = (
            tenant.studio.get(
                "/api/upload/s3/params",
                params={"filename": filename, "metadata[relativePath]": path, "metadata[name]": "null"},
            )
            if way == "post"
            else tenant.studio.post(
                "/api/upload/s3/multipart",
                json={"filename": filename, "metadata": {"relativePath": path, "name": None}},
            )
        )
        assert answered.status_code == 200, answered.text
        assert tenant.studio.get(f"/api/upload/{answered.json()['mediaId']}").json()["name"] == filename

    (trip,) = tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["media"]
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        places = owner.execute(
            "select filename, parent_id from uploads where organization_id = %s", [tenant.id]
        ).fetchall()
    assert dict(places) == {"Sunset.png": UUID(trip["id"]), "IMG_2.webp": UUID(trip["id"]), "IMG_3.png": None}
    assert tenant.inconsistencies() == []


def test_folders_of_a_relative_path_are_created_below_the_path(tenant: Tenant) -> None:
    for filename in ("one.jpg", "two.jpg"):
        begin(tenant, filename=filename, metadata={"relativePath": f"2026/{filename}"})
    (year,) = tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["media"]

    for _ in range(2):
        begin(
            tenant,
            metadata={
                "datasetId": tenant.collection_id.hex,
                "path": year["path"],
                "relativePath": "e\u0301te/1/photo.jpg",
            },
        )

    (summer,) = tenant.studio.get(
        f"/api/dataset/{tenant.collection_id.hex}/media", params={"path": year["path"]}
    ).json()["media"]
    (first,) = tenant.studio.get(
        f"/api/dataset/{tenant.collection_id.hex}/media", params={"path": summer["path"]}
    ).json()["media"]
    assert (year["name"], summer["name"], first["name"]) == ("2026", "\u00e9te", "1")
    assert tenant.inconsistencies() == []


def test_a_path_that_is_too_deep_creates_no_folder(tenant: Tenant) -> None:
    folder = tenant.studio.post(
        "/api/folder", json={"datasetId": tenant.collection_id.hex, "name": "first"}
    ).json()["folder"]

    answers = [
        tenant.studio.post("/api/upload/s3/multipart", json={"filename": "a.jpg", "metadata": metadata})
        for metadata in (
            {"relativePath": "a/" * 33 + "a.jpg"},
            {"relativePath": "a/" * 32 + "a.jpg", "path": folder["path"]},
        )
    ]

    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [
        (400, "Folders can be nested 32 deep, and no deeper")
    ] * 2
    at = f"/api/dataset/{tenant.collection_id.hex}/media"
    assert [item["name"] for item in tenant.studio.get(at).json()["media"]] == ["first"]
    assert tenant.studio.get(at, params={"path": folder["path"]}).json()["media"] == []


def test_another_tenants_collection_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
    answer = tenant.studio.post(
        "/api/upload/s3/multipart",
        json={
            "filename": "a.jpg",
            "type": "image/jpeg",
            "metadata": {"datasetId": stranger.collection_id.hex},
        },
    )

    assert answer.status_code == 404
    assert sorted(answer.json()) == ["code", "error"]


def test_a_quota_counts_what_open_uploads_have_declared(tenant: Tenant) -> None:
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute("update organizations set quota_bytes = %s where id = %s", [100 * MIB, tenant.id])
    begin(tenant, size=60 * MIB)

    answer = tenant.studio.post(
        "/api/upload/s3/multipart", json={"filename": "b.jpg", "type": "image/jpeg", "size": 41 * MIB}
    )

    assert answer.status_code == 413
    assert answer.json() == {
        "error": f"The organization's storage is full: 0 of {100 * MIB} bytes are used, "
        f"{60 * MIB} are reserved by other uploads, "
        f"and this file has {41 * MIB}",
        "code": "quota_exceeded",
    }
    assert begin(tenant, size=40 * MIB).answer["partSize"] == 8 * MIB
