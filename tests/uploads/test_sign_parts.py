"""GET /api/upload/s3/multipart/{uploadId}/batch"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given.protocol import begin
from tests.given.tenants import http

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_several_parts_are_signed_at_once(tenant: Tenant) -> None:
    upload = begin(tenant)

    answer = tenant.studio.get(f"{upload.path}/batch", params=upload.key | {"partNumbers": "1,2,10000"})

    urls = answer.json()["presignedUrls"]
    assert (answer.status_code, sorted(answer.json()), sorted(urls)) == (
        200,
        ["presignedUrls"],
        ["1", "10000", "2"],
    )
    assert http().put(urls["2"], content=b"x").status_code == 200
    assert [part["PartNumber"] for part in upload.parts().json()] == [2]


@pytest.mark.parametrize("numbers", ["", "0", "1,,2", "1,x", ",".join(map(str, range(1, 102))), "10001"])
def test_invalid_part_numbers_are_rejected(tenant: Tenant, numbers: str) -> None:
    upload = begin(tenant)

    answer = tenant.studio.get(f"{upload.path}/batch", params=upload.key | {"partNumbers": numbers})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
