"""GET /api/upload/s3/multipart/{uploadId}"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given import pictures
from tests.given.protocol import begin

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_all_pages_of_the_parts_are_listed(tenant: Tenant) -> None:
    upload = begin(tenant)
    put = [upload.put(number, b"x" * number) for number in (3, 1, 2)]

    answer = upload.parts()

    etags = {part["PartNumber"]: part["ETag"] for part in put}
    assert answer.status_code == 200
    assert answer.json() == [{"PartNumber": n, "Size": n, "ETag": etags[n]} for n in (1, 2, 3)]


def test_a_finished_upload_has_no_open_parts(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.complete(upload.put_all(pictures.jpeg(40, 30, seed=1)))

    answer = upload.parts()

    assert answer.status_code == 409
    assert answer.json()["error"] == "The upload is complete"
