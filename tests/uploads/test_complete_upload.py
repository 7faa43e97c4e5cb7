"""POST /api/upload/s3/multipart/{uploadId}/complete"""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.given import pictures
from tests.given.protocol import PART, begin
from vitrine import storage

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(640, 480, seed=7)
STORED = ("stored", "processing", "ready")  # the store's event may come before the response
TWO_PARTS = PHOTO + b"\0" * (PART + 1 - len(PHOTO))  # decoders ignore what follows the end of the picture


def test_completed_parts_are_one_item_with_frame_and_hash(tenant: Tenant) -> None:
    upload = begin(tenant, size=len(TWO_PARTS))
    parts = upload.put_all(TWO_PARTS)

    answer = upload.complete(parts)

    assert answer.status_code == 200, answer.text
    answered = answer.json()
    assert {k: answered[k] for k in ("key", "mediaId")} == {
        "key": upload.answer["key"],
        "mediaId": upload.media,
    }
    assert answered["status"] in STORED
    assert sorted(answered) == ["bucket", "key", "location", "mediaId", "status"]
    assert tenant.finished(upload.media)["state"] == "ready"
    media = tenant.studio.get(f"/api/media/{upload.media}").json()["media"]
    assert media["sha256"] == hashlib.sha256(TWO_PARTS).hexdigest()
    assert (media["width"], media["height"], media["sizeBytes"]) == (640, 480, len(TWO_PARTS))
    assert len(media["frames"]) == 1
    assert tenant.inconsistencies() == []


def test_without_parts_all_parts_in_the_store_are_joined(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.put(1, PHOTO)

    assert upload.complete().json()["status"] in STORED
    assert tenant.finished(upload.media)["state"] == "ready"


def test_complete_is_idempotent(tenant: Tenant) -> None:
    upload = begin(tenant)
    parts = upload.put_all(PHOTO)

    first, second = upload.complete(parts), upload.complete(parts)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() | {"status": ""} == second.json() | {"status": ""}
    tenant.finished(upload.media)
    assert upload.complete(parts).json()["status"] == "ready"
    usage = tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage").json()
    assert usage["counts"]["active"] == 1
    assert tenant.inconsistencies() == []


def test_ten_concurrent_calls_make_one_item(tenant: Tenant) -> None:
    upload = begin(tenant)
    parts = upload.put_all(PHOTO)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: upload.complete(parts), range(10)))

    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
    assert 200 in {answer.status_code for answer in answers}
    assert tenant.finished(upload.media)["state"] == "ready"
    assert len(tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["media"]) == 1
    assert tenant.inconsistencies() == []


def test_wrong_parts_are_rejected_and_can_be_corrected(tenant: Tenant) -> None:
    upload = begin(tenant)
    (part,) = upload.put_all(PHOTO)

    rejected = upload.complete([{"PartNumber": 1, "ETag": '"00000000000000000000000000000000"'}])

    assert rejected.status_code == 400
    assert rejected.json()["code"] == "invalid_parts"
    assert upload.complete([part]).status_code == 200


@pytest.mark.parametrize(
    "parts",
    [[{"PartNumber": 2, "ETag": '"x"'}], [{"PartNumber": 0, "ETag": '"x"'}], [{"PartNumber": 1}], "all", [1]],
)
def test_malformed_parts_are_invalid(tenant: Tenant, parts: object) -> None:
    upload = begin(tenant)
    upload.put(1, PHOTO)

    answer = tenant.studio.post(f"{upload.path}/complete", params=upload.key, json={"parts": parts})

    assert answer.status_code == 400, answer.text


def test_an_upload_without_parts_cannot_be_completed(tenant: Tenant) -> None:
    upload = begin(tenant)

    answer = upload.complete()

    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "No part has been uploaded yet", "code": "invalid"},
    )
    assert tenant.studio.get(f"/api/upload/{upload.media}").json()["state"] == "uploading"


def test_another_size_than_declared_is_rejected(tenant: Tenant) -> None:
    upload = begin(tenant, size=len(PHOTO) + 1)
    parts = upload.put_all(PHOTO)

    assert upload.complete(parts).status_code == 400
    assert tenant.studio.get(f"/api/media/{upload.media}").status_code == 404
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("kind", ["CRC64NVME", "CRC32C"])
def test_the_store_checks_a_declared_crc(tenant: Tenant, kind: str) -> None:
    other = begin(
        tenant,
        checksum={
            "algorithm": kind,
            "value": base64.b64encode(bytes(8 if kind == "CRC64NVME" else 4)).decode(),
        },
    )
    parts = other.put_all(PHOTO)

    rejected = other.complete(parts)

    assert (rejected.status_code, rejected.json()["code"]) == (422, "upload_rejected")
    answered = tenant.studio.get(f"/api/upload/{other.media}").json()
    assert (answered["state"], answered["reason"]) == (
        "rejected",
        "The bytes do not have the checksum that was declared",
    )
    assert tenant.inconsistencies(finished=True) == []


def test_the_checksum_of_the_whole_object_is_returned_and_can_be_declared(tenant: Tenant) -> None:
    first = begin(tenant)
    first.complete(first.put_all(TWO_PARTS))
    stored = storage.head(first.answer["key"])
    assert stored is not None
    assert stored.checksum is not None
    algorithm, _, value = stored.checksum.partition(":")

    second = begin(tenant, size=len(TWO_PARTS), checksum={"algorithm": algorithm, "value": value})

    assert algorithm == "CRC64NVME"
    assert second.complete(second.put_all(TWO_PARTS)).status_code == 200


@pytest.mark.parametrize("right", [True, False])
def test_a_declared_sha256_is_compared_while_processing(tenant: Tenant, right: bool) -> None:
    value = hashlib.sha256(PHOTO if right else b"another").digest()
    upload = begin(tenant, checksum={"algorithm": "SHA256", "value": base64.b64encode(value).decode()})
    upload.complete(upload.put_all(PHOTO))

    answered = tenant.finished(upload.media)

    assert answered["state"] == ("ready" if right else "rejected")
    assert answered["reason"] == (None if right else "The bytes do not have the SHA-256 that was declared")
    assert tenant.studio.get(f"/api/media/{upload.media}").status_code == (200 if right else 404)
    assert tenant.inconsistencies() == []


def test_an_aborted_upload_cannot_be_completed(tenant: Tenant) -> None:
    upload = begin(tenant)
    parts = upload.put_all(PHOTO)
    upload.abort()

    answer = upload.complete(parts)

    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "The upload was aborted", "code": "upload_aborted"},
    )
