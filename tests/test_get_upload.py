"""GET /api/upload/{mediaId}"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import pictures
from tests.protocol import MIB, PART, begin

if TYPE_CHECKING:
    from tests.tenants import Tenant


def test_it_tells_what_a_client_needs_after_a_reload(tenant: Tenant) -> None:
    upload = begin(tenant, size=PART + 10)
    upload.put(1, b"x" * PART)

    answer = tenant.studio.get(f"/api/upload/{upload.media}")

    said = answer.json()
    assert answer.status_code == 200
    assert said == {
        "mediaId": upload.media, "state": "uploading", "reason": None, "name": "photo.jpg", "sizeBytes": PART + 10, "bytesUploaded": PART,
        "partSize": 8 * MIB, "expiresAt": said["expiresAt"],
    }


def test_once_it_is_there_it_shows_the_item(tenant: Tenant) -> None:
    media = tenant.ready(pictures.jpeg(64, 48, seed=2))

    said = tenant.studio.get(f"/api/upload/{media}").json()

    assert said["state"] == "ready"
    assert said["media"] == tenant.studio.get(f"/api/media/{media}").json()["media"] | {"frames": said["media"]["frames"]}


def test_nobody_elses_upload_is_there(tenant: Tenant, stranger: Tenant) -> None:
    upload = begin(stranger)

    for media in (upload.media, "0" * 32, "x"):
        answer = tenant.studio.get(f"/api/upload/{media}")
        assert (answer.status_code, sorted(answer.json())) == (404, ["code", "error"])
