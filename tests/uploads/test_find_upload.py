"""GET /api/upload?key="""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.protocol import begin

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_an_upload_is_found_by_its_key(tenant: Tenant) -> None:
    upload = begin(tenant)

    answer = tenant.studio.get("/api/upload", params=upload.key)

    assert (answer.status_code, answer.json()["mediaId"]) == (200, upload.media)


def test_the_key_of_another_persons_upload_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
    upload = begin(stranger)

    for key in (upload.answer["key"], "originals/x", "%", "incoming/../../x"):
        answer = tenant.studio.get("/api/upload", params={"key": key})
        assert (answer.status_code, sorted(answer.json())) == (404, ["code", "error"]), key
