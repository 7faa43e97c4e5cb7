"""GET /api/upload/s3/multipart/{uploadId}/{partNumber}"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from awscrt import checksums

from tests.given import pictures
from tests.given.protocol import begin
from tests.given.tenants import http

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(64, 48, seed=4)


def test_a_signed_url_puts_the_part_and_is_valid_for_minutes(tenant: Tenant) -> None:
    upload = begin(tenant)

    signed = upload.sign(1)

    assert signed == {"url": signed["url"], "expires": 900}
    assert http().put(signed["url"], content=PHOTO).status_code == 200
    assert upload.parts().json() == [
        {"PartNumber": 1, "Size": len(PHOTO), "ETag": upload.parts().json()[0]["ETag"]}
    ]


def test_size_and_checksum_can_be_signed_as_headers(tenant: Tenant) -> None:
    upload = begin(tenant)
    crc = base64.b64encode(checksums.crc64nvme(PHOTO).to_bytes(8, "big")).decode()

    signed = upload.sign(1, size=str(len(PHOTO)), checksum=crc)

    assert signed["headers"] == {"content-length": str(len(PHOTO)), "x-amz-checksum-crc64nvme": crc}
    assert http().put(signed["url"], content=PHOTO[:-1] + b"?", headers=signed["headers"]).status_code == 400
    assert http().put(signed["url"], content=PHOTO).status_code == 403  # without the signed headers
    longer = signed["headers"] | {"content-length": str(len(PHOTO) + 1)}
    assert http().put(signed["url"], content=PHOTO + b"!", headers=longer).status_code == 403
    assert upload.parts().json() == []
    assert http().put(signed["url"], content=PHOTO, headers=signed["headers"]).status_code == 200


@pytest.mark.parametrize("number", ["0", "10001", "-1", "x", "1.5"])
def test_an_invalid_part_number_is_rejected(tenant: Tenant, number: str) -> None:
    upload = begin(tenant)

    answer = tenant.studio.get(f"{upload.path}/{number}", params=upload.key)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"


def test_a_url_for_one_part_cannot_put_another(tenant: Tenant) -> None:
    upload = begin(tenant)
    url = upload.sign(1)["url"]

    signature = url[:-1] + ("1" if url.endswith("0") else "0")
    for tampered in (
        url.replace("partNumber=1", "partNumber=2"),
        url.replace("X-Amz-Expires=900", "X-Amz-Expires=9000"),
        signature,
    ):
        assert http().put(tampered, content=PHOTO).status_code in (403, 400)
    assert upload.parts().json() == []


def test_ids_and_keys_of_others_are_not_found(tenant: Tenant, stranger: Tenant) -> None:
    upload, other = begin(tenant), begin(tenant)
    foreign = begin(stranger)

    for path, key in (
        (upload.path, other.answer["key"]),
        (foreign.path, foreign.answer["key"]),
        (upload.path, foreign.answer["key"]),
        (f"/api/upload/s3/multipart/{'0' * 32}", upload.answer["key"]),
        ("/api/upload/s3/multipart/x", upload.answer["key"]),
        (upload.path, "originals/x"),
    ):
        for client_path in (path, f"{path}/1", f"{path}/batch"):
            answer = tenant.studio.get(client_path, params={"key": key, "partNumbers": "1"})
            assert answer.status_code == 404, (path, key, answer.text)
            assert sorted(answer.json()) == ["code", "error"]


def test_a_colleague_is_denied_and_an_admin_is_not(tenant: Tenant) -> None:
    upload = begin(tenant, client=tenant.client("editor"))

    colleague = tenant.client("member")
    assert colleague.get(f"{upload.path}/1", params=upload.key).status_code == 403  # a member may not upload
    assert tenant.client("admin").get(f"{upload.path}/1", params=upload.key).status_code == 200
