"""GET /api/upload/s3/params"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.given import pictures
from tests.given.protocol import MIB
from tests.given.tenants import http
from vitrine import storage

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(320, 240, seed=5)
ANOTHER = pictures.jpeg(320, 240, seed=6)


def sign(tenant: Tenant, **query: str) -> dict[str, Any]:
    answer = tenant.studio.get(
        "/api/upload/s3/params", params={"filename": "photo.jpg", "type": "image/jpeg", **query}
    )
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def send(signed: dict[str, Any], data: bytes, **changed: str | None) -> httpx.Response:
    fields = {name: value for name, value in (signed["fields"] | changed).items() if value is not None}
    return http().post(
        signed["url"], data=fields, files={"file": ("photo.jpg", data, "image/jpeg")}, timeout=60
    )


def test_the_response_is_a_form_that_uppy_can_send(tenant: Tenant) -> None:
    signed = sign(tenant)

    assert sorted(signed) == ["expires", "fields", "mediaId", "method", "uploadId", "url"]
    assert signed["method"] == "POST"
    assert signed["expires"] == 3600
    assert signed["fields"]["key"] == f"incoming/{signed['uploadId']}"
    assert signed["fields"]["Content-Type"] == "image/jpeg"
    assert signed["fields"]["success_action_status"] == "201"


def test_a_posted_photo_is_ready_without_a_complete(tenant: Tenant) -> None:
    media = tenant.post_file(PHOTO, name="My photo", title="A title", alt="null")

    assert tenant.finished(media)["state"] == "ready"
    shown = tenant.studio.get(f"/api/media/{media}").json()["media"]
    assert (shown["name"], shown["filename"], shown["metadata"]["title"], shown["metadata"].get("alt")) == (
        "My photo",
        "photo.jpg",
        "A title",
        None,
    )
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize(
    ("what", "change", "status"),
    [
        ("another key", {"key": "incoming/another"}, 403),
        ("a key of the originals", {"key": "originals/x"}, 403),
        ("another type", {"Content-Type": "text/html"}, 403),
        ("a field that the policy does not name", {"x-amz-meta-evil": "1"}, 403),
        ("no signature", {"x-amz-signature": None}, 403),
        ("another signature", {"x-amz-signature": "0" * 64}, 403),
        ("no policy", {"policy": None}, 403),
    ],
)
def test_the_store_rejects_a_changed_form(
    tenant: Tenant, what: str, change: dict[str, str | None], status: int
) -> None:
    signed = sign(tenant)

    answer = send(signed, PHOTO, **change)

    assert answer.status_code in (status, 400), answer.text
    assert storage.head(signed["fields"]["key"]) is None
    assert tenant.studio.get(f"/api/upload/{signed['mediaId']}").json()["state"] == "created"


def test_the_policy_enforces_the_declared_size(tenant: Tenant) -> None:
    signed = sign(tenant, **{"metadata[size]": str(len(PHOTO))})

    assert send(signed, PHOTO + b"!").status_code == 400
    assert send(signed, PHOTO[:-1]).status_code == 400
    assert send(signed, PHOTO).status_code == 201


def test_the_store_rejects_an_empty_file(tenant: Tenant) -> None:
    assert send(sign(tenant), b"").status_code == 400


def test_a_form_posted_again_after_ready_changes_nothing(tenant: Tenant) -> None:
    signed = sign(tenant)
    assert send(signed, PHOTO).status_code == 201
    assert tenant.finished(signed["mediaId"])["state"] == "ready"
    before = tenant.studio.get(f"/api/media/{signed['mediaId']}").json()["media"]

    assert send(signed, ANOTHER).status_code == 201

    until = time.monotonic() + 20
    while storage.head(signed["fields"]["key"]) is not None and time.monotonic() < until:
        time.sleep(0.05)
    after = tenant.studio.get(f"/api/media/{signed['mediaId']}").json()["media"]
    assert storage.head(signed["fields"]["key"]) is None
    assert (after["sha256"], after["sizeBytes"], after["updatedAt"]) == (
        before["sha256"],
        before["sizeBytes"],
        before["updatedAt"],
    )
    assert tenant.inconsistencies() == []


def test_two_posts_before_the_first_is_finalized_make_one_item(tenant: Tenant) -> None:
    signed = sign(tenant)

    for data in (PHOTO, ANOTHER):
        assert send(signed, data).status_code == 201

    assert tenant.finished(signed["mediaId"])["state"] == "ready"
    assert len(tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["media"]) == 1
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize(
    ("what", "data", "reason"),
    [
        ("text", b"Dear diary, " * 100, "The file is not a picture or video of a type that is taken"),
        (
            "a page",
            b"<html><script>alert(1)</script></html>",
            "The file is not a picture or video of a type that is taken",
        ),
        (
            "an svg",
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
            "Files of type image/svg+xml are not taken",
        ),
    ],
)
def test_bytes_of_another_type_are_rejected_and_leave_nothing(
    tenant: Tenant, what: str, data: bytes, reason: str
) -> None:
    media = tenant.post_file(data)

    answered = tenant.finished(media)

    assert (answered["state"], answered["reason"]) == ("rejected", reason)
    assert tenant.studio.get(f"/api/media/{media}").status_code == 404
    usage = tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage").json()
    assert (usage["bytes"]["active"], usage["counts"]["active"]) == (0, 0)
    assert tenant.inconsistencies() == []


def test_a_picture_that_cannot_be_decoded_is_kept_with_its_reason(tenant: Tenant) -> None:
    media = tenant.post_file(pictures.truncated(pictures.jpeg(640, 480, seed=9)))

    answered = tenant.finished(media)

    assert answered["state"] == "failed"
    shown = tenant.studio.get(f"/api/media/{media}").json()["media"]
    assert shown["processing"] == {"state": "failed", "reason": answered["reason"]}
    assert shown["frames"] == []
    assert tenant.inconsistencies() == []


def test_a_wrong_declared_type_is_corrected_when_the_content_is_accepted(tenant: Tenant) -> None:
    media = tenant.ready(pictures.png(64, 48, seed=1), "a.jpg", "image/jpeg")

    assert tenant.studio.get(f"/api/media/{media}").json()["media"]["mimeType"] == "image/png"


def test_a_size_over_the_limit_of_a_form_is_rejected(tenant: Tenant) -> None:
    answer = tenant.studio.get(
        "/api/upload/s3/params",
        params={"filename": "a.jpg", "type": "image/jpeg", "metadata[size]": str(6 * 1024 * MIB)},
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
