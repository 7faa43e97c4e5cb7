"""The formats of the upload protocol: what browsers' clients send, and what they read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.studio.test_dialect_studio import LINKS, PHOTO, SHOWN
from vitrine.dialects.uploads import (
    UPLOADS,
    BatchQuery,
    Finished,
    NewMultipart,
    NewPost,
    parse_part_number,
    show_completed,
    show_created,
    show_part,
    show_posted,
    show_signed_part,
    show_signed_parts,
    show_status,
)
from vitrine.errors import Invalid
from vitrine.library.new_uploads import NewUpload
from vitrine.library.uploads import PostedUpload, UploadStatus
from vitrine.models.uploads import Part, SignedPart, SignedPost, Upload

WHEN = datetime(2026, 3, 10, 14, 22, tzinfo=UTC)
ID, VERSION, COLLECTION = UUID(int=1), UUID(int=2), UUID(int=3)
UPLOAD = Upload(
    organization_id=UUID(int=4),
    id=ID,
    user_id=UUID(int=5),
    collection_id=COLLECTION,
    parent_id=None,
    source_media_id=None,
    media_id=VERSION,
    version_id=VERSION,
    method="multipart",
    state="uploading",
    reason=None,
    key="originals/x",
    store_upload_id="secret",
    name="n",
    filename="f.jpg",
    mime_type="image/jpeg",
    title=None,
    alt=None,
    caption=None,
    declared_bytes=100,
    reserved_bytes=100,
    landed_bytes=40,
    checksum_kind=None,
    checksum_value=None,
    part_bytes=8,
    signed_parts=0,
    lease_until=None,
    created_at=WHEN,
    updated_at=WHEN,
    expires_at=WHEN,
    deadline=WHEN,
)


def test_the_query_of_stock_uppy_for_a_form() -> None:
    query = {
        "filename": "beach.jpg",
        "type": "image/jpeg",
        "metadata[name]": "Beach",
        "metadata[type]": "image/jpeg",
        "metadata[relativePath]": "null",
        "metadata[datasetId]": str(COLLECTION),
        "metadata[size]": "12",
        "metadata[anything]": "x",
        "metadata": "x",
    }

    wanted = UPLOADS.read_query(NewPost, query).new_upload()

    assert wanted == NewUpload(
        "beach.jpg", "image/jpeg", name="Beach", collection_id=COLLECTION, declared_bytes=12
    )


def test_the_body_of_stock_uppy_to_open_an_upload() -> None:
    body = {
        "filename": "beach.mp4",
        "type": None,
        "metadata": {"name": "Beach", "relativePath": None, "title": "null", "anything": [1], "size": 7},
    }

    wanted = UPLOADS.read_body(NewMultipart, body).new_upload()

    assert wanted == NewUpload("beach.mp4", "application/octet-stream", name="Beach", declared_bytes=7)


def test_a_body_with_size_checksum_and_part_size() -> None:
    body = {
        "filename": "f",
        "size": 9,
        "partSize": 5,
        "checksum": {"algorithm": "CRC32C", "value": "AAAAAA=="},
        "metadata": {"size": "7"},
    }

    wanted = UPLOADS.read_body(NewMultipart, body).new_upload()

    assert wanted == NewUpload(
        "f", "application/octet-stream", declared_bytes=9, part_bytes=5, checksum=("CRC32C", "AAAAAA==")
    )


@pytest.mark.parametrize(
    ("body", "issue"),
    [
        ({}, "filename: Required"),
        ({"filename": None}, "filename: Must be a string"),
        (
            {"filename": "f", "metadata": {"datasetId": "x"}},
            "metadata.datasetId: Must be an id of 32 hexadecimal digits, hyphens allowed",
        ),
        (
            {"filename": "f", "metadata": {"title": "x" * 256}},
            "metadata.title: Must have at most 255 characters",
        ),
        ({"filename": "f", "size": "many"}, "size: Must be a whole number"),
        (
            {"filename": "f", "checksum": {"algorithm": "MD5", "value": "x"}},
            "checksum.algorithm: Must be one of CRC64NVME, CRC32C, SHA256",
        ),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], issue: str) -> None:
    with pytest.raises(Invalid) as rejected:
        UPLOADS.read_body(NewMultipart, body)

    assert rejected.value.sentence == issue


@pytest.mark.parametrize("text", ["0", "10001", "-1", "1.0", "", "x", "٣", "1" * 30])
def test_a_text_that_is_not_a_part_number_is_rejected(text: str) -> None:
    with pytest.raises(Invalid):
        parse_part_number(text)


def test_a_batch_is_of_a_hundred_parts_at_most() -> None:
    def numbers(count: int) -> list[int]:
        return BatchQuery(key="k", partNumbers=",".join(map(str, range(1, count + 1)))).numbers()

    assert numbers(100) == [*range(1, 101)]
    with pytest.raises(Invalid):
        numbers(101)


def test_a_completion_may_list_parts_or_none() -> None:
    assert UPLOADS.read_body(Finished, {}).numbers_and_etags() == []
    assert UPLOADS.read_body(
        Finished, {"parts": [{"PartNumber": 1, "ETag": '"a"', "extra": 1}]}
    ).numbers_and_etags() == [(1, '"a"')]


def test_a_form_is_shown() -> None:
    assert show_posted(PostedUpload(UPLOAD, SignedPost("https://s3", {"key": "k"}, 60))) == {
        "method": "POST",
        "url": "https://s3",
        "fields": {"key": "k"},
        "expires": 60,
        "mediaId": VERSION.hex,
        "uploadId": ID.hex,
    }


def test_an_opened_upload_is_shown_without_the_stores_own_id() -> None:
    assert show_created(UPLOAD) == {
        "key": "originals/x",
        "uploadId": ID.hex,
        "bucket": "vitrine",
        "mediaId": VERSION.hex,
        "partSize": 8,
        "expiresAt": "2026-03-10T14:22:00.000Z",
    }


def test_parts_are_shown() -> None:
    bound = SignedPart("u", {"content-length": "5"}, 60)

    assert show_part(Part(1, 5, '"e"')) == {"PartNumber": 1, "Size": 5, "ETag": '"e"'}
    assert show_signed_part(bound) == {"url": "u", "expires": 60, "headers": {"content-length": "5"}}
    assert show_signed_part(replace(bound, headers={})) == {"url": "u", "expires": 60}
    assert show_signed_parts({2: bound}) == {"presignedUrls": {"2": "u"}}


def test_a_completed_upload_is_shown() -> None:
    assert show_completed(replace(UPLOAD, state="stored"), "https://api.test") == {
        "location": f"https://api.test/api/media/{VERSION.hex}",
        "key": "originals/x",
        "bucket": "vitrine",
        "mediaId": VERSION.hex,
        "status": "stored",
    }


def test_the_status_of_an_upload() -> None:
    expected: dict[str, object] = {
        "mediaId": VERSION.hex,
        "state": "uploading",
        "reason": None,
        "name": "n",
        "sizeBytes": 100,
        "bytesUploaded": 40,
        "partSize": 8,
        "expiresAt": "2026-03-10T14:22:00.000Z",
        "duplicates": [],
    }

    assert show_status(UploadStatus(UPLOAD, None), LINKS) == expected
    assert show_status(UploadStatus(UPLOAD, PHOTO), LINKS) == expected | {
        "sizeBytes": 184320,
        "media": SHOWN,
    }
