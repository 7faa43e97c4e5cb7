"""The uploader's rights are checked again when an upload is finalized, whatever finalizes it. The upload is
rejected when its uploader may not upload any more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

import pytest

from tests.given import pictures
from tests.given.isolation_cases import owner
from tests.given.members import PersonWithKey
from tests.given.tenants import Client, http
from vitrine import storage
from vitrine.db import read
from vitrine.library import finalizing, organizations
from vitrine.models.people import Consumer, Worker
from vitrine.queries import uploads

if TYPE_CHECKING:
    from tests.given.tenants import Tenant
    from vitrine.models.uploads import Upload

PHOTO = pictures.jpeg(96, 64, seed=73)
ENDINGS: dict[str, LiteralString] = {
    "removed": "delete from memberships where user_id = %(person)s",
    "made a viewer": "update memberships set role = 'viewer' where user_id = %(person)s",
    "the key is revoked": "update api_keys set revoked_at = now() where user_id = %(person)s",
    "the key has expired": "update api_keys set expires_at = now() where user_id = %(person)s",
    "the key lost its scope": "update api_keys set scopes = '{media:read}' where user_id = %(person)s",
    "the organization is gone": "update organizations set deleted_at = now() where id = %(organization)s",
}


def end_rights(tenant: Tenant, editor: PersonWithKey, how: str) -> None:
    """End the editor's right to upload in one of the ways of ENDINGS."""
    with owner() as connection:
        connection.execute(ENDINGS[how], {"person": editor.id, "organization": tenant.id})


def upload_row(tenant: Tenant, media: str) -> Upload:
    return read(tenant.owner, uploads.by_version(tenant.id, UUID(media)))[0]


def finalized(tenant: Tenant, media: str) -> Upload:
    until = time.monotonic() + 30
    while (upload := upload_row(tenant, media)).state not in (
        "ready",
        "rejected",
        "failed",
    ) and time.monotonic() < until:
        time.sleep(0.1)
    return upload


def posted(client: Client, **metadata: str) -> dict[str, Any]:
    answer = client.get(
        "/api/upload/s3/params",
        params={"filename": "a.jpg", **{f"metadata[{k}]": v for k, v in metadata.items()}},
    )
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def send(signed: dict[str, Any]) -> None:
    answer = http().post(signed["url"], data=signed["fields"], files={"file": ("a.jpg", PHOTO, "image/jpeg")})
    assert answer.status_code == 201, answer.text


def with_parts(client: Client) -> dict[str, Any]:
    """Create an upload with one part in the store."""
    answered: dict[str, Any] = client.post("/api/upload/s3/multipart", json={"filename": "a.jpg"}).json()
    part = client.get(
        f"/api/upload/s3/multipart/{answered['uploadId']}/1", params={"key": answered["key"]}
    ).json()
    assert http().put(part["url"], content=PHOTO).status_code == 200
    return answered


def is_gone(key: str) -> bool:
    until = time.monotonic() + 10
    while (there := storage.head(key) is not None) and time.monotonic() < until:
        time.sleep(0.05)
    return not there


@pytest.mark.parametrize("how", ENDINGS)
@pytest.mark.sampled(3)
def test_a_posted_form_stores_nothing_after_its_uploaders_rights_ended(tenant: Tenant, how: str) -> None:
    editor = PersonWithKey.of(tenant, "editor")
    signed = posted(editor.client)
    end_rights(tenant, editor, how)

    send(signed)

    upload = finalized(tenant, signed["mediaId"])
    assert (upload.state, upload.reason, upload.reserved_bytes) == (
        "rejected",
        "The uploader's rights have ended",
        0,
    )
    assert is_gone(upload.key)
    if how != "the organization is gone":
        assert tenant.studio.get(f"/api/upload/{signed['mediaId']}").json()["reason"] == upload.reason
        assert tenant.studio.get(f"/api/media/{signed['mediaId']}").status_code == 404
        assert tenant.studio.get(f"/api/organization/{tenant.id}/usage").json()["bytes"]["total"] == 0
    assert tenant.inconsistencies() == []


def test_no_version_is_added_after_its_uploaders_rights_ended(tenant: Tenant) -> None:
    item, editor = tenant.ready(PHOTO), PersonWithKey.of(tenant, "editor")
    signed = posted(editor.client, sourceMediaId=item)
    end_rights(tenant, editor, "removed")

    send(signed)

    assert finalized(tenant, signed["mediaId"]).state == "rejected"
    assert [each["id"] for each in tenant.studio.get(f"/api/media/{item}/versions").json()["versions"]] == [
        item
    ]
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("how", ["removed", "the key is revoked"])
def test_an_upload_completed_in_the_store_is_rejected_after_the_rights_ended(
    tenant: Tenant, how: str
) -> None:
    editor = PersonWithKey.of(tenant, "editor")
    begun = with_parts(editor.client)
    end_rights(tenant, editor, how)

    opened = upload_row(tenant, begun["mediaId"])
    assert opened.store_upload_id is not None
    parts = storage.list_parts(opened.key, opened.store_upload_id)
    storage.complete(
        opened.key, opened.store_upload_id, [(p.number, p.etag) for p in parts], size=None, checksum=None
    )

    upload = finalized(tenant, begun["mediaId"])
    assert (upload.state, upload.reason, is_gone(upload.key)) == ("rejected", finalizing.RIGHTS_ENDED, True)
    assert tenant.inconsistencies() == []


def test_an_administrator_cannot_complete_the_upload_of_a_removed_member(tenant: Tenant) -> None:
    editor = PersonWithKey.of(tenant, "editor")
    begun = with_parts(editor.client)
    end_rights(tenant, editor, "removed")
    at = f"/api/upload/s3/multipart/{begun['uploadId']}/complete"

    answers = [
        client.post(at, params={"key": begun["key"]}, json={}) for client in (editor.client, tenant.studio)
    ]

    assert [answer.status_code for answer in answers] == [404, 422]
    assert answers[1].json() == {
        "error": "The file was refused: The uploader's rights have ended",
        "code": "upload_rejected",
    }
    assert tenant.inconsistencies() == []


def test_an_upload_of_a_revoked_key_continues_with_a_new_key(tenant: Tenant) -> None:
    editor = PersonWithKey.of(tenant, "editor")
    begun = with_parts(editor.client)
    end_rights(tenant, editor, "the key is revoked")
    another = Client(organizations.add_key(editor.id, "another", ["media:write"]))

    answer = another.post(
        f"/api/upload/s3/multipart/{begun['uploadId']}/complete", params={"key": begun["key"]}, json={}
    )

    assert answer.status_code == 200, answer.text
    assert finalized(tenant, begun["mediaId"]).state == "ready"
    assert tenant.inconsistencies() == []


def test_signing_out_does_not_end_the_rights(tenant: Tenant) -> None:
    editor = PersonWithKey.of(tenant, "editor")
    session = editor.signed_in()
    signed = posted(session)
    assert session.post("/api/auth/sign-out", json={}).status_code == 200

    send(signed)

    assert finalized(tenant, signed["mediaId"]).state == "ready"
    assert tenant.inconsistencies() == []


def test_the_uploaders_rights_decide_whoever_finalizes(tenant: Tenant) -> None:
    editor = PersonWithKey.of(tenant, "editor")
    upload = upload_row(tenant, posted(editor.client)["mediaId"])
    everybody = (Consumer(tenant.id), Worker(), tenant.owner)

    before = [finalizing.may_still_upload(who, upload) for who in everybody]
    end_rights(tenant, editor, "made a viewer")

    assert (before, [finalizing.may_still_upload(who, upload) for who in everybody]) == (
        [True] * 3,
        [False] * 3,
    )
