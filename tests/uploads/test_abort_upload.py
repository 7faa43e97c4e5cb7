"""DELETE /api/upload/s3/multipart/{uploadId}"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given import pictures
from tests.given.protocol import begin
from tests.given.tenants import http
from vitrine import storage

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(64, 48, seed=3)


def test_an_abort_deletes_everything_and_is_idempotent(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.put(1, PHOTO)
    late = upload.sign(2)["url"]

    first, second = upload.abort(), upload.abort()

    assert (first.status_code, first.json()) == (200, {})
    assert (second.status_code, second.json()) == (200, {})
    assert http().put(late, content=PHOTO).status_code == 404
    assert [each.key for each in storage.list_multiparts() if each.key == upload.answer["key"]] == []
    assert tenant.studio.get(f"/api/upload/{upload.media}").json()["state"] == "aborted"
    assert tenant.inconsistencies(finished=True) == []


def test_a_completed_upload_cannot_be_aborted(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.complete(upload.put_all(PHOTO))

    assert (upload.abort().status_code, upload.abort().json()) == (200, {})
    assert tenant.finished(upload.media)["state"] == "ready"
    assert tenant.inconsistencies() == []


def test_an_aborted_upload_signs_no_parts(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.abort()

    answer = tenant.studio.get(f"{upload.path}/1", params=upload.key)

    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "The upload was aborted", "code": "upload_aborted"},
    )
