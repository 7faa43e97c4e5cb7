"""POST /api/v1/media/upload"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from functions.v1_upload_media.handler import handler
from tests.given import pictures
from tests.given.isolation_cases import owner
from tests.given.loops import invoke
from tests.given.shapes import A_TIME
from tools.routes import ROOT
from vitrine import aws, content
from vitrine.settings import settings

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PATH = "/api/v1/media/upload"
PHOTO, OTHER = pictures.jpeg(320, 240, seed=61), pictures.jpeg(64, 48, seed=62)
TAKEN = content.declarable_types()
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # of the event
MIB = 1024 * 1024
File = tuple[str, tuple[str | None, bytes, str]]


def part(
    name: str = "photo.jpg", data: bytes = PHOTO, mime_type: str = "image/jpeg", field: str = "files"
) -> File:
    return field, (name, data, mime_type)


def send(tenant: Tenant, *files: File, **headers: str) -> httpx.Response:
    return tenant.studio.post(PATH, files=list(files), headers=headers)


def left(tenant: Tenant) -> int:
    total: int = tenant.studio.get("/api/v1/media").json()["data"]["total"]
    return total


def rejection(sentence: str, details: dict[str, Any] | None, status: int = 400) -> tuple[int, dict[str, Any]]:
    answered = {} if details is None else {"details": details}
    return status, {
        "success": False,
        "error": sentence,
        "code": f"HTTP_{status}",
        **answered,
        "info": {"timestamp": A_TIME},
    }


def not_allowed(mime_type: str) -> str:
    return f"File type {mime_type} not allowed. Only images and videos are supported."


def elsewhere(field: str) -> str:
    return f"The file is in a part named {field}; only parts named files are read"


def test_several_files_are_each_checked_by_their_content(tenant: Tenant) -> None:
    long = "x" * 256

    answer = send(
        tenant,
        part(),
        part("empty.jpg", b""),
        part("page.jpg", b"<html>"),
        part("not files.jpg", field="other"),
        part("b.png", OTHER, "text/html"),
        part("a.pdf", b"%PDF-1.7\n", "application/pdf"),
        part("note.txt", b"A note", "text/plain"),
        part(long, OTHER),
        ("files", (None, b"text", "")),
    )

    answered = answer.json()
    shown = [
        tenant.studio.get(f"/api/v1/media/{media['id']}").json()["data"]
        for media in answered["data"]["media"]
    ]
    assert (answer.status_code, answered) == (
        200,
        {
            "success": True,
            "data": {
                "message": "Files uploaded successfully",
                "urls": [media["url"] for media in shown],
                "media": answered["data"]["media"],
                "count": 2,
                "storage": "s3",
                "errors": [
                    {"filename": "page.jpg", "error": not_allowed("unknown")},
                    {"filename": "a.pdf", "error": not_allowed("application/pdf")},
                    {"filename": "note.txt", "error": not_allowed("text/plain")},
                    {"filename": long, "error": "name must have 1 to 255 characters"},
                    {"filename": "not files.jpg", "error": elsewhere("other")},
                ],
            },
            "info": {"timestamp": A_TIME},
        },
    )
    assert [
        (media["filename"], media["mimeType"], media["width"], media["height"], media["fileSize"])
        for media in answered["data"]["media"]
    ] == [
        ("photo.jpg", "image/jpeg", 320, 240, len(PHOTO)),
        ("b.png", "image/jpeg", 64, 48, len(OTHER)),
    ]
    assert [httpx.get(url, follow_redirects=True).content for url in answered["data"]["urls"]] == [
        PHOTO,
        OTHER,
    ]
    assert (left(tenant), tenant.inconsistencies()) == (2, [])
    assert {tenant.finished(media["id"])["state"] for media in shown} == {"ready"}


def test_where_no_file_is_accepted_the_error_is_that_of_the_first(tenant: Tenant) -> None:
    cases: list[tuple[list[File], tuple[int, dict[str, Any]]]] = [
        ([part("other.jpg", field="file")], rejection("No files uploaded", None)),
        (
            [part("a.pdf", b"%PDF-1.7\n"), part("x" * 256)],
            rejection(not_allowed("application/pdf"), {"allowedTypes": TAKEN}),
        ),
        (
            [part("x" * 256), part("a.pdf", b"%PDF-1.7\n")],
            rejection("name must have 1 to 255 characters", None),
        ),
        ([part("a.jpg", b""), part("b.jpg", field="file")], rejection(elsewhere("file"), None)),
        ([part("a.jpg", b"<svg></svg>")] * 101, rejection("A form holds up to 100 files", None)),
    ]

    answers = [send(tenant, *files) for files, _ in cases]

    assert [(answer.status_code, answer.json()) for answer in answers] == [answered for _, answered in cases]
    empty = send(tenant, part("a.jpg", b""), part("", b"", "application/octet-stream"))
    assert (empty.status_code, empty.json()["data"]) == (
        200,
        {"message": "Files uploaded successfully", "urls": [], "media": [], "count": 0, "storage": "s3"},
    )
    not_a_form = [
        tenant.studio.post(PATH, json={}),
        tenant.studio.post(PATH, content=b"x", headers={"content-type": "multipart/form-data"}),
    ]
    assert [(answer.status_code, answer.json()["error"]) for answer in not_a_form] == [
        (400, "The body must be multipart/form-data"),
        (400, "The form's boundary is missing from its content-type"),
    ]
    other_methods = [
        (each.status_code, each.headers["allow"])
        for each in (tenant.studio.patch(PATH, json={}), tenant.studio.delete(PATH))
    ]
    assert other_methods == [(405, "GET, OPTIONS, POST")] * 2
    assert (left(tenant), tenant.inconsistencies()) == (0, [])


def test_files_over_the_quota_are_rejected(tenant: Tenant) -> None:
    with owner() as connection:
        connection.execute("update organizations set quota_bytes = %s where id = %s", [len(PHOTO), tenant.id])

    answer = send(tenant, part("fits.jpg"), part())

    used = f"{len(PHOTO)} of {len(PHOTO)} bytes are used, 0 are reserved by other uploads"
    full = f"The organization's storage is full: {used}, and this file has {len(PHOTO)}"
    assert (answer.status_code, answer.json()["data"]["count"], answer.json()["data"]["errors"]) == (
        200,
        1,
        [{"filename": "photo.jpg", "error": full}],
    )
    assert tenant.inconsistencies() == []


def test_an_idempotency_key_uploads_once_whatever_the_forms_boundary(tenant: Tenant) -> None:
    key = {"idempotency-key": "a-key"}

    first, again, other = (
        send(tenant, *files, **key)
        for files in ([part(), part("b.jpg", OTHER)], [part(), part("b.jpg", OTHER)], [part()])
    )

    assert first.request.headers["content-type"] != again.request.headers["content-type"]  # another boundary
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422)
    assert (again.json(), again.headers["idempotency-replayed"], left(tenant)) == (first.json(), "true", 2)


def test_files_within_the_reported_limits_are_accepted_and_larger_ones_are_not(tenant: Tenant) -> None:
    limits = tenant.studio.get(PATH).json()["data"]

    exactly, two = (
        send(tenant, part(data=PHOTO.ljust(10 * MIB, b"\0"))),
        send(tenant, *[part(data=OTHER.ljust(6 * MIB, b"\0"))] * 2),
    )
    over = send(tenant, part(data=PHOTO.ljust(10 * MIB + 1, b"\0")))

    assert (limits["maxFileSize"], limits["maxRequestSize"]) == ("10MB", "100MB")
    assert [(answer.status_code, answer.json()["data"]["count"]) for answer in (exactly, two)] == [
        (200, 1),
        (200, 2),
    ]
    assert (over.status_code, over.json()["error"]) == (
        400,
        "File photo.jpg is too large. Maximum size is 10MB.",
    )
    assert (left(tenant), tenant.inconsistencies()) == (3, [])


def test_as_a_lambda_it_accepts_four_megabytes_and_reports_the_limit(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    event = json.loads((ROOT / "events/v1_upload_media.json").read_text())
    event["headers"] |= {"x-api-key": tenant.studio.key, "x-team-id": str(tenant.id)}

    def answered(body: bytes) -> tuple[int, dict[str, Any]]:
        answer = invoke(handler, event | {"body": base64.b64encode(body).decode()})
        return answer["statusCode"], json.loads(answer["body"])

    body = base64.b64decode(event["body"])

    def of(size: int) -> bytes:
        return body.replace(GIF, GIF.ljust(size, b"\0"))

    status, accepted = answered(body)
    over, too_long = answered(of(4 * MIB))
    another_environment.setenv("MAX_SIZE_IMAGE_MB", "1")
    settings.cache_clear()
    just, too_large = answered(of(MIB))[0], answered(of(MIB + 5243))
    another_environment.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    settings.cache_clear()
    aws.s3.cache_clear()
    failed = answered(body)
    another_environment.undo()
    settings.cache_clear()
    aws.s3.cache_clear()

    assert just == 200
    assert too_large == rejection(
        "File dot.gif is too large. Maximum size is 1MB.", {"maxSize": "1MB", "fileSize": "1.01MB"}
    )
    assert (status, accepted["data"]["media"][0]["filename"], accepted["data"]["media"][0]["width"]) == (
        200,
        "dot.gif",
        1,
    )
    assert (over, too_long["error"][:45]) == (413, "The body of a request may hold 4194304 bytes;")
    busy = "The store is not answering; try again"
    assert failed == rejection("Failed to upload file dot.gif", {"fileName": "dot.gif", "error": busy}, 500)
    assert (left(tenant), tenant.inconsistencies()) == (2, [])
