"""GET /api/upload/{mediaId}"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.given import pictures
from tests.given.protocol import MIB, PART, begin

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_the_status_has_what_a_client_needs_after_a_reload(tenant: Tenant) -> None:
    upload = begin(tenant, size=PART + 10)
    upload.put(1, b"x" * PART)

    answer = tenant.studio.get(f"/api/upload/{upload.media}")

    answered = answer.json()
    assert answer.status_code == 200
    assert answered == {
        "mediaId": upload.media,
        "state": "uploading",
        "reason": None,
        "name": "photo.jpg",
        "sizeBytes": PART + 10,
        "bytesUploaded": PART,
        "partSize": 8 * MIB,
        "expiresAt": answered["expiresAt"],
        "duplicates": [],
    }


def test_the_status_shows_the_item_once_it_exists(tenant: Tenant) -> None:
    media = tenant.ready(pictures.jpeg(64, 48, seed=2))

    answered = tenant.studio.get(f"/api/upload/{media}").json()

    assert answered["state"] == "ready"
    assert answered["media"] == tenant.studio.get(f"/api/media/{media}").json()["media"] | {
        "frames": answered["media"]["frames"]
    }


def test_two_concurrent_uploads_of_the_same_bytes_both_report_the_duplicate(
    tenant: Tenant, stranger: Tenant
) -> None:
    photo = pictures.jpeg(64, 40, seed=3)

    with ThreadPoolExecutor(3) as pool:
        waiting = [
            pool.submit(owner.ready, photo, f"{n}.jpg") for n, owner in enumerate((tenant, tenant, stranger))
        ]
        one, other, foreign = (each.result() for each in waiting)

    duplicates = {
        media: tenant.studio.get(f"/api/upload/{media}").json()["duplicates"] for media in (one, other)
    }
    assert duplicates == {
        one: [{"mediaId": other, "name": "1.jpg", "state": "active", "match": "exact"}],
        other: [{"mediaId": one, "name": "0.jpg", "state": "active", "match": "exact"}],
    }
    assert stranger.studio.get(f"/api/upload/{foreign}").json()["duplicates"] == []

    assert tenant.studio.delete(f"/api/media/{one}").status_code == 200
    deleted, living = (tenant.studio.get(f"/api/upload/{media}").json() for media in (one, other))
    assert living["duplicates"] == [{"mediaId": one, "name": "0.jpg", "state": "trash", "match": "exact"}]
    assert (deleted["duplicates"], "media" in deleted) == (
        [{"mediaId": other, "name": "1.jpg", "state": "active", "match": "exact"}],
        False,
    )


def test_another_persons_upload_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
    upload = begin(stranger)

    for media in (upload.media, "0" * 32, "x"):
        answer = tenant.studio.get(f"/api/upload/{media}")
        assert (answer.status_code, sorted(answer.json())) == (404, ["code", "error"])
