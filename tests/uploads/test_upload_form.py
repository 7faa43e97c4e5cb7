"""POST /api/upload/multipart"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from functions.upload_form.handler import handler
from local import CLONE
from local.places import free_port
from tests.given import names, pictures, reprocessing
from tests.given.loops import invoke
from tests.given.protocol import MIB, begin
from tests.given.tenants import Client, Tenant, http
from tools.routes import ROOT
from vitrine import content
from vitrine.db import Statement, read
from vitrine.library import processing, sweep
from vitrine.models.people import Consumer
from vitrine.settings import settings
from vitrine_imaging import intake

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from local.stack import Stack

PATH = "/api/upload/multipart"
PHOTO = pictures.jpeg(320, 240, seed=11)
BOUNDARY = "----formdata-undici-054512873441"
SDK = {  # the headers that Node's fetch sends beside the credential
    "accept": "*/*",
    "accept-language": "*",
    "sec-fetch-mode": "cors",
    "user-agent": "node",
    "accept-encoding": "gzip, deflate",
    "content-type": f"multipart/form-data; boundary={BOUNDARY}",
}
ACCEPTED = ", ".join(sorted(content.accepted_types()))
PAGE = b"<html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


class File(NamedTuple):
    """A part with a file, as undici encodes it."""

    data: bytes = PHOTO
    filename: str = "photo.jpg"
    mime_type: str = "image/jpeg"
    name: str = "file"


Part = tuple[str, str] | File


def encoded(*parts: Part) -> bytes:
    """Encode a form as undici does: a quote in a filename is %22, everything else is UTF-8."""
    body = b""
    for part in parts:
        if isinstance(part, File):
            filename = part.filename.replace('"', "%22")
            head = (
                f"--{BOUNDARY}\r\n"
                f'Content-Disposition: form-data; name="{part.name}"; filename="{filename}"\r\n'
                f"Content-Type: {part.mime_type}\r\n\r\n"
            )
            body += head.encode() + part.data + b"\r\n"
        else:
            body += (
                f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part[0]}"\r\n\r\n{part[1]}\r\n'
            ).encode()
    return body + f"--{BOUNDARY}--\r\n".encode()


def home(tenant: Tenant) -> tuple[str, str]:
    return "datasetId", tenant.collection_id.hex


def send(client: Client, *parts: Part, **headers: str) -> httpx.Response:
    return client.post(PATH, content=encoded(*parts), headers=SDK | headers)


def sent(tenant: Tenant, *parts: Part) -> dict[str, Any]:
    """Upload a form, and return the item as Studio shows it right afterwards."""
    answer = send(tenant.studio, home(tenant), *parts)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = tenant.studio.get(f"/api/media/{answer.json()['mediaId']}").json()["media"]
    return shown


class Row(NamedTuple):
    n: int


def left(tenant: Tenant) -> list[int]:
    """Return the numbers of the tenant's items, uploads and objects."""
    statement = Statement(
        """
        select count(*) as n from media where organization_id = %(organization)s
        union all
        select count(*)
          from uploads
         where organization_id = %(organization)s
           and state not in ('aborted', 'rejected')
        union all
        select count(*) from objects where organization_id = %(organization)s
        """,
        Row,
        organization=tenant.id,
    )
    return [row.n for row in read(Consumer(tenant.id), statement)]


NOTHING = [0, 0, 0]


# What the SDK sends.


def test_the_item_of_a_file_can_be_seen_at_once(tenant: Tenant) -> None:
    answer = send(tenant.studio, home(tenant), File(), ("name", "photo.jpg"))

    answered = answer.json()
    media = answered["mediaId"]
    shown = tenant.studio.get(f"/api/media/{media}").json()["media"]
    listed = tenant.studio.get("/api/v1/media").json()
    assert (answer.status_code, answered) == (
        200,
        {"success": True, "mediaId": media, "url": shown["blob"], "message": "File uploaded successfully"},
    )
    assert http().get(answered["url"], follow_redirects=True).content == PHOTO
    assert media in json.dumps(listed).replace("-", "")
    assert (shown["width"], shown["height"], shown["mimeType"], shown["sizeBytes"]) == (
        320,
        240,
        "image/jpeg",
        len(PHOTO),
    )
    assert tenant.inconsistencies() == []

    assert tenant.finished(media)["state"] == "ready"
    assert len(tenant.studio.get(f"/api/media/{media}").json()["media"]["frames"]) == 1
    assert (
        tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["pagination"]["total"] == 1
    )
    assert tenant.inconsistencies() == []


def test_the_item_is_put_into_the_folder_that_path_names(tenant: Tenant) -> None:
    folder = tenant.studio.post(
        "/api/folder", json={"datasetId": tenant.collection_id.hex, "name": "A folder"}
    ).json()["folder"]

    inside, at_root, empty = (
        sent(tenant, ("path", folder["path"]), File()),
        sent(tenant, File()),
        sent(tenant, ("path", ""), File()),
    )

    assert inside["path"] == f"{folder['path']}.{inside['id']}"
    assert at_root["path"] == f"{tenant.collection_id.hex}.{at_root['id']}"
    assert empty["path"] == f"{tenant.collection_id.hex}.{empty['id']}"
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("key", ["x-api-key", "authorization"])
def test_an_empty_header_is_not_a_credential(tenant: Tenant, key: str) -> None:
    signed_in = tenant.signed_in()

    with_session = Client(None, token=signed_in.token).post(
        PATH, content=encoded(home(tenant), File()), headers=SDK | {"x-api-key": ""}
    )
    without = Client(None).post(PATH, content=encoded(home(tenant), File()), headers=SDK | {key: ""})

    assert with_session.status_code == 200
    assert (without.status_code, without.json()) == (
        401,
        {"error": "Missing or invalid authentication", "code": "unauthorized"},
    )


def test_unused_fields_of_the_sdk_and_unknown_fields_change_nothing(tenant: Tenant) -> None:
    shown = sent(
        tenant, ("width", "1"), ("height", "x"), ("duration", ""), ("exif", "{"), ("whatever", "é"), File()
    )

    assert (shown["width"], shown["height"]) == (320, 240)


def test_forms_of_httpx_and_curl_are_accepted(tenant: Tenant) -> None:
    fields = {"datasetId": str(tenant.collection_id)}  # hyphens

    answer = tenant.studio.post(PATH, data=fields, files={"file": ('a "b" é.jpg', PHOTO, "image/jpeg")})
    assert answer.status_code == 200, answer.text
    done = subprocess.run(
        [
            "curl",
            "-sS",
            "-F",
            f"datasetId={tenant.collection_id.hex}",
            "-F",
            "file=@-;filename=from curl.jpg",
            "-H",
            f"x-api-key: {tenant.studio.key}",
            os.environ["API_URL"] + PATH,
        ],
        input=PHOTO,
        capture_output=True,
        check=True,
    )

    shown = [
        tenant.studio.get(f"/api/media/{answered['mediaId']}").json()["media"]["name"]
        for answered in (answer.json(), json.loads(done.stdout))
    ]
    assert shown == ['a "b" é.jpg', "from curl.jpg"]


def test_in_lambda_the_body_is_base64(tenant: Tenant) -> None:
    event = json.loads((ROOT / "events/upload_form.json").read_text())
    body = base64.b64decode(event["body"]).replace(
        b"0199a4c2d1e17d4e9b06a1b2c3d4e5f6", tenant.collection_id.hex.encode()
    )
    event |= {
        "body": base64.b64encode(body).decode(),
        "headers": event["headers"] | {"x-api-key": tenant.studio.key},
    }

    answer = invoke(handler, event)

    answered = json.loads(answer["body"])
    assert (answer["statusCode"], answered["message"]) == (200, "File uploaded successfully")
    shown = tenant.studio.get(f"/api/media/{answered['mediaId']}").json()["media"]
    assert (shown["name"], shown["mimeType"], shown["width"], shown["height"]) == (
        "dot.gif",
        "image/gif",
        1,
        1,
    )


# Names.


def test_the_field_name_takes_precedence_over_the_filename(tenant: Tenant) -> None:
    shown = sent(tenant, File(filename="IMG_1.jpg"), ("name", 'Our "best" day'))

    assert (shown["name"], shown["filename"]) == ('Our "best" day', "IMG_1.jpg")


@pytest.mark.parametrize("name", names.VALID_NAMES.values(), ids=names.VALID_NAMES)
@pytest.mark.sampled(3)
def test_a_filename_is_stored_as_it_was_sent(tenant: Tenant, name: str) -> None:
    shown = sent(tenant, File(filename=name))

    assert (shown["name"], shown["filename"]) == (name, name)


@pytest.mark.parametrize(
    "name",
    [
        "photo",
        "photo.png",
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "C:\\photos\\a.jpg",
        "\\\\server\\share\\a.jpg",
        "a;b=c.jpg",
        "a\\",
        "100%.jpg",
        "%41%0a.jpg",
        "gpj.\u202eexe.jpg",
        "upload",
        "=?utf-8?q?x?=",
        "-rf",
        ".htaccess",
        "a.jpg ",
    ],
)
@pytest.mark.sampled(4)
def test_paths_and_markup_in_a_filename_have_no_meaning(tenant: Tenant, name: str) -> None:
    shown = sent(tenant, File(filename=name))

    assert (shown["name"], shown["filename"]) == (name, name)


def test_names_are_stored_in_composed_form(tenant: Tenant) -> None:
    assert sent(tenant, File(filename=names.DECOMPOSED))["name"] == names.COMPOSED
    assert sent(tenant, File(), ("name", names.DECOMPOSED))["name"] == names.COMPOSED


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([File(filename="x" * 256)], "name must have 1 to 255 characters"),
        ([File(filename="")], "name must have 1 to 255 characters"),
        ([File(), ("name", "x" * 256)], "name must have 1 to 255 characters"),
        ([File(filename="a\0b")], "A text holds a character that cannot be stored"),
        ([File(), ("name", "a\0b")], "A text holds a character that cannot be stored"),
    ],
    ids=["256 in the filename", "no filename", "256 in the name", "NUL in the filename", "NUL in the name"],
)
def test_invalid_names_are_rejected(tenant: Tenant, parts: list[Part], sentence: str) -> None:
    answer = send(tenant.studio, home(tenant), *parts)

    assert (answer.status_code, answer.json()) == (400, {"error": sentence, "code": "invalid"})
    assert (left(tenant), tenant.inconsistencies()) == (NOTHING, [])


# Rejected forms.


def test_the_error_names_the_missing_field(tenant: Tenant) -> None:
    without_file, without_dataset = send(tenant.studio, home(tenant)), send(tenant.studio, File())
    text = send(tenant.studio, home(tenant), ("file", "x"))

    def missing(name: str, message: str = "Required") -> tuple[int, object]:
        return 400, {
            "error": f"{name}: {message}",
            "code": "invalid",
            "details": [{"path": [name], "message": message}],
        }

    assert (without_file.status_code, without_file.json()) == missing("file")
    assert (without_dataset.status_code, without_dataset.json()) == missing("datasetId")
    assert (text.status_code, text.json()) == missing("file", "Must be a file")
    assert left(tenant) == NOTHING


@pytest.mark.parametrize(
    ("what", "file", "status", "body"),
    [
        ("nothing", File(b""), 400, {"error": "An empty file cannot be uploaded", "code": "empty_file"}),
        (
            "a page declared as a picture",
            File(PAGE),
            415,
            {
                "error": f"The file is not a picture or video of a type that is taken: {ACCEPTED}",
                "code": "unsupported_type",
            },
        ),
        (
            "an svg",
            File(SVG, "a.svg", "image/svg+xml"),
            415,
            {
                "error": f"Files of type image/svg+xml are not taken; {ACCEPTED} are",
                "code": "unsupported_type",
            },
        ),
        (
            "an svg declared as a picture",
            File(SVG),
            415,
            {
                "error": f"Files of type image/svg+xml are not taken; {ACCEPTED} are",
                "code": "unsupported_type",
            },
        ),
        (
            "a pdf",
            File(b"%PDF-1.7\n", "a.pdf", "application/octet-stream"),
            415,
            {
                "error": f"Files of type application/pdf are not taken; {ACCEPTED} are",
                "code": "unsupported_type",
            },
        ),
    ],
)
def test_a_rejected_file_leaves_nothing(
    tenant: Tenant, what: str, file: File, status: int, body: dict[str, str]
) -> None:
    answer = send(tenant.studio, home(tenant), file)

    assert (answer.status_code, answer.json()) == (status, body)
    assert (left(tenant), tenant.inconsistencies()) == (NOTHING, [])


@pytest.mark.parametrize("declared", ["", "text/html", "application/octet-stream", "image/png", "nonsense"])
def test_the_content_alone_decides_the_type(tenant: Tenant, declared: str) -> None:
    assert sent(tenant, File(pictures.polyglot(seed=1), "page.html", declared))["mimeType"] == "image/jpeg"


def test_a_picture_that_cannot_be_decoded_is_kept_with_its_reason(tenant: Tenant) -> None:
    media = sent(tenant, File(pictures.claiming_png(), "claims.png", "image/png"))["id"]

    assert tenant.finished(media)["state"] == "failed"
    assert (
        tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["pagination"]["total"] == 1
    )
    assert tenant.inconsistencies() == []


def test_destinations_that_are_not_found_or_denied(tenant: Tenant, stranger: Tenant) -> None:
    photo = sent(tenant, File())
    nowhere = "0" * 32

    def outcome(*parts: Part) -> tuple[int, object]:
        answer = send(tenant.studio, *parts)
        return answer.status_code, answer.json()

    assert outcome(("datasetId", nowhere), File()) == (
        404,
        {"error": "Collection not found", "code": "not_found"},
    )
    assert outcome(home(stranger), File()) == (
        403,
        {"error": "No access to this item's organization", "code": "other_organization"},
    )
    assert outcome(File(), home(stranger)) == (
        403,
        {"error": "No access to this item's organization", "code": "other_organization"},
    )
    assert outcome(home(tenant), ("path", photo["path"]), File()) == (
        400,
        {"error": "path is a file, not a folder", "code": "invalid"},
    )
    assert outcome(home(tenant), ("path", f"{tenant.collection_id.hex}.{nowhere}"), File()) == (
        404,
        {"error": "Folder not found", "code": "not_found"},
    )
    assert outcome(("datasetId", "nonsense"), File())[0] == 400
    assert (left(stranger), stranger.inconsistencies(), tenant.inconsistencies()) == (NOTHING, [], [])


def test_a_file_over_the_quota_leaves_nothing(tenant: Tenant) -> None:
    from tests.given.isolation_cases import owner

    with owner() as connection:
        connection.execute("update organizations set quota_bytes = %s where id = %s", [len(PHOTO), tenant.id])

    first, second = send(tenant.studio, home(tenant), File()), send(tenant.studio, home(tenant), File())

    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (413, "quota_exceeded")
    assert tenant.inconsistencies() == []


LINE = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
END = f"--{BOUNDARY}--\r\n"
NO_FORM = (400, "The body is not a form as multipart/form-data has it")


@pytest.mark.parametrize(
    ("what", "content_type", "body", "answered"),
    [
        ("JSON", "application/json", b"{}", (415, "The body must be multipart/form-data")),
        ("no type", "", b"", (415, "The body must be multipart/form-data")),
        (
            "a form's fields",
            "application/x-www-form-urlencoded",
            b"datasetId=1",
            (415, "The body must be multipart/form-data"),
        ),
        (
            "no boundary",
            "multipart/form-data",
            encoded(File()),
            (400, "The form's boundary is missing from its content-type"),
        ),
        (
            "an empty boundary",
            "multipart/form-data; boundary=",
            encoded(File()),
            (400, "The form's boundary is missing from its content-type"),
        ),
        (
            "a long boundary",
            f"multipart/form-data; boundary={'x' * 71}",
            b"",
            (400, "The form's boundary is missing from its content-type"),
        ),
        ("another boundary", "multipart/form-data; boundary=x", encoded(File()), NO_FORM),
        ("nothing", None, b"", (400, "The form breaks off before its last boundary")),
        ("half", None, encoded(File())[:-200], (400, "The form breaks off before its last boundary")),
        ("no end", None, encoded(File())[: -len(END)], (400, "The form breaks off before its last boundary")),
        ("no name", None, f'{LINE}filename="a"\r\n\r\nx\r\n{END}'.encode(), NO_FORM),
        ("no disposition", None, f"--{BOUNDARY}\r\nX: y\r\n\r\nx\r\n{END}".encode(), NO_FORM),
        (
            "another disposition",
            None,
            f'--{BOUNDARY}\r\nContent-Disposition: attachment; name="file"\r\n\r\nx\r\n{END}'.encode(),
            NO_FORM,
        ),
        ("an open quote", None, f'{LINE}name="file\r\n\r\nx\r\n{END}'.encode(), NO_FORM),
        ("a header without end", None, f'{LINE}name="{"x" * 9000}"\r\n\r\nx\r\n{END}'.encode(), NO_FORM),
        (
            "not UTF-8",
            None,
            f'{LINE}name="name"\r\n\r\n'.encode() + b"\xff\r\n" + END.encode(),
            (400, "The names and fields of a form are UTF-8"),
        ),
        (
            "a field twice",
            None,
            encoded(("name", "a"), ("name", "b"), File()),
            (400, "The form has name more than once"),
        ),
        ("two files", None, encoded(File(), File(name="another")), (400, "A form holds one file")),
        ("the file twice", None, encoded(File(), File()), (400, "The form has file more than once")),
        (
            "many fields",
            None,
            encoded(*((f"f{n}", "") for n in range(65))),
            (400, "A form may have 64 parts, and no more"),
        ),
        (
            "a huge field",
            None,
            encoded(("exif", "x" * 131_072)),
            (400, "The fields of a form may hold 131072 bytes, the file aside"),
        ),
    ],
)
@pytest.mark.sampled(3)
def test_malformed_forms_are_rejected(
    tenant: Tenant, what: str, content_type: str | None, body: bytes, answered: tuple[int, str]
) -> None:
    headers = SDK | ({"content-type": content_type} if content_type is not None else {})

    answer = tenant.studio.post(PATH, content=body, headers=headers)
    nobodys = Client(None).post(PATH, content=body, headers=headers)

    code = "unsupported_type" if answered[0] == 415 else "invalid"
    assert (answer.status_code, answer.json()) == (answered[0], {"error": answered[1], "code": code})
    assert nobodys.status_code == 401
    assert (left(tenant), tenant.inconsistencies()) == (NOTHING, [])


# Limits, and bodies that stream.


class Server(NamedTuple):
    """The function alone behind uvicorn, where bodies are streamed."""

    url: str
    pid: int

    def send(self, client: Client, body: bytes | Callable[[], Iterator[bytes]]) -> httpx.Response:
        credential = {"x-api-key": client.key} if client.key else {}
        return httpx.post(
            self.url + PATH,
            content=body if isinstance(body, bytes) else body(),
            headers=SDK | credential,
            timeout=60,
        )

    def peak(self) -> int:
        """Return the most memory that the process has used, in bytes."""
        status = (ROOT / f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


ALONE = ("uvicorn", "functions.upload_form.handler:app", "--lifespan", "off", "--log-level", "warning")


@contextmanager
def served(*module: str, **environment: str) -> Generator[Server]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", *(module or ALONE), "--port", str(port)],
        cwd=CLONE,
        env={**os.environ, **environment},
    )
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield Server(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def small_server() -> Iterator[Server]:
    with served(FORM_MAX_BYTES=str(MIB)) as found:
        yield found


def of_size(tenant: Tenant, size: int) -> bytes:
    """Return a form of so many bytes."""
    frame = len(encoded(home(tenant), File()))
    return encoded(home(tenant), File(PHOTO + bytes(size - frame)))


def too_large(most: int) -> tuple[int, object]:
    sentence = (
        f"The body of a request may hold {most} bytes; "
        "larger files go through the upload protocol at /api/upload"
    )
    return 413, {"error": sentence, "code": "too_large"}


@pytest.mark.parametrize(
    ("size", "accepted"), [(MIB - 1, True), (MIB, True), (MIB + 1, False), (2 * MIB, False)]
)
@pytest.mark.sampled(2)
def test_a_body_over_the_limit_is_rejected_naming_the_limit(
    tenant: Tenant, small_server: Server, size: int, accepted: bool
) -> None:
    answer = small_server.send(tenant.studio, of_size(tenant, size))

    assert (
        (answer.status_code, answer.json()) == too_large(MIB) if not accepted else answer.status_code == 200
    )
    assert left(tenant)[0] == int(accepted)
    assert tenant.inconsistencies() == []


def test_with_like_aws_the_gateway_rejects_a_body_over_its_limit(tenant: Tenant) -> None:
    with served("local.server", "--like-aws", FORM_MAX_BYTES=str(4 * MIB)) as server:
        answers = [
            server.send(tenant.studio, of_size(tenant, size)) for size in (10 * MIB + 1, 4 * MIB + 1, 4 * MIB)
        ]

    assert [(answer.status_code, answer.json()) for answer in answers[:2]] == [
        (413, {"message": "Request Entity Too Large"}),
        too_large(4 * MIB),
    ]
    assert answers[2].status_code == 200


@pytest.mark.parametrize(("size", "accepted"), [(4 * MIB, True), (4 * MIB + 1, False)])
def test_in_lambda_the_limit_is_the_one_of_every_body(tenant: Tenant, size: int, accepted: bool) -> None:
    event = json.loads((ROOT / "events/upload_form.json").read_text())
    event |= {
        "body": base64.b64encode(of_size(tenant, size)).decode(),
        "headers": event["headers"] | {"x-api-key": tenant.studio.key},
    }

    answer = invoke(handler, event)

    assert (
        answer["statusCode"] == 200
        if accepted
        else (answer["statusCode"], json.loads(answer["body"])) == too_large(4 * MIB)
    )
    assert tenant.inconsistencies() == []


@pytest.mark.soak
def test_a_hundred_megabytes_are_streamed_without_being_in_memory(tenant: Tenant, server: Server) -> None:
    assert server.send(tenant.studio, encoded(home(tenant), File())).status_code == 200
    before = server.peak()
    noise = random.Random(1).randbytes(MIB)
    start, _, end = encoded(home(tenant), File(b"#")).partition(b"#")

    def body() -> Iterator[bytes]:  # chunked
        yield start + PHOTO
        for _ in range(99):
            yield noise
        yield end

    answer = server.send(tenant.studio, body)

    assert answer.status_code == 200, answer.text
    assert server.peak() - before < 24 * MIB
    assert (
        tenant.studio.get(f"/api/media/{answer.json()['mediaId']}").json()["media"]["sizeBytes"]
        == len(PHOTO) + 99 * MIB
    )
    assert tenant.finished(answer.json()["mediaId"])["state"] == "ready"
    assert tenant.inconsistencies() == []


def test_a_streamed_file_is_stored_unchanged_however_it_is_chunked(tenant: Tenant, server: Server) -> None:
    data = (
        PHOTO + b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n" + random.Random(2).randbytes(200_000) + b"\r\n"
    )
    whole = encoded(home(tenant), File(data), ("name", "In pieces"))
    dice = random.Random(3)

    def body() -> Iterator[bytes]:
        at = 0
        while at < len(whole):
            size = dice.choice((1, 2, 7, 1000, 70_000))
            yield whole[at : at + size]
            at += size

    answer = server.send(tenant.studio, body)

    assert answer.status_code == 200, answer.text
    assert (
        http()
        .get(answer.json()["url"].replace(server.url, os.environ["API_URL"]), follow_redirects=True)
        .content
        == data
    )
    assert tenant.studio.get(f"/api/media/{answer.json()['mediaId']}").json()["media"]["name"] == "In pieces"


def test_the_file_may_come_before_its_dataset(tenant: Tenant, server: Server) -> None:
    answer = server.send(tenant.studio, encoded(File(PHOTO + bytes(3 * MIB)), ("name", "Late"), home(tenant)))

    assert answer.status_code == 200, answer.text
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("first", ["dataset", "file"])
def test_a_denied_caller_gets_403_after_a_large_body_too(
    tenant: Tenant, stranger: Tenant, server: Server, first: str
) -> None:
    parts = [home(tenant), File(PHOTO + bytes(3 * MIB))]
    body = encoded(*(parts if first == "dataset" else reversed(parts)))

    clients = Client(None), tenant.client("viewer"), tenant.client(scopes=("media:read",)), stranger.studio
    answers = [server.send(client, body) for client in clients]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (401, "unauthorized"),
        (403, "insufficient_role"),
        (403, "insufficient_scope"),
        (403, "other_organization"),
    ]
    assert left(tenant) == NOTHING


def test_a_client_that_disconnects_leaves_nothing(tenant: Tenant, server: Server) -> None:
    before = open_files(server)

    with half_sent(server, tenant.studio, encoded(home(tenant), File(PHOTO + bytes(8 * MIB)))):
        assert open_files(server) == before + 1  # the file is on the disk, without a name
    until = time.monotonic() + 10
    while open_files(server) > before and time.monotonic() < until:
        time.sleep(0.05)

    assert open_files(server) == before
    assert (left(tenant), tenant.inconsistencies()) == (NOTHING, [])
    assert server.send(tenant.studio, encoded(home(tenant), File())).status_code == 200


@pytest.mark.parametrize("first", ["dataset", "file"])
def test_nothing_is_kept_of_a_file_sent_without_credentials(
    tenant: Tenant, server: Server, first: str
) -> None:
    parts = [home(tenant), File(PHOTO + bytes(8 * MIB))]
    before = open_files(server)

    with half_sent(server, Client(None), encoded(*(parts if first == "dataset" else reversed(parts)))):
        assert open_files(server) == before


@contextmanager
def half_sent(server: Server, client: Client, body: bytes) -> Generator[None]:
    """Send the first half of a body, give the server time to read it, then disconnect."""
    address = urlsplit(server.url)
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: {address.netloc}\r\nx-api-key: {client.key or ''}\r\n"
        f"content-type: {SDK['content-type']}\r\n"
    )
    with socket.create_connection((str(address.hostname), address.port or 0)) as connection:
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
        time.sleep(0.7)
        yield


def open_files(server: Server) -> int:
    """Return the number of spooled files that the server has open. They have no name from the moment they are
    opened.
    """
    found = 0
    for number in (ROOT / f"/proc/{server.pid}/fd").iterdir():
        try:
            target = str(number.readlink())
        except OSError:
            continue
        found += target.endswith("(deleted)")
    return found


# Once.


@pytest.mark.soak
def test_concurrent_uploads_are_counted_once_each_whichever_call_finalizes_them(tenant: Tenant) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(
                lambda n: send(tenant.studio, home(tenant), File(pictures.jpeg(64, 48, seed=n))), range(24)
            )
        )

    assert [answer.status_code for answer in answers] == [200] * 24
    assert {tenant.finished(answer.json()["mediaId"])["state"] for answer in answers} == {"ready"}
    assert (
        tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["pagination"]["total"]
        == 24
    )
    assert tenant.inconsistencies() == []


def test_verifying_a_processed_upload_changes_nothing(tenant: Tenant) -> None:
    media = tenant.ready(PHOTO)  # not by a form: its processing has verified it
    upload = read_upload(tenant, media)
    before = tenant.studio.get(f"/api/media/{media}")
    found = content.sniff(PHOTO)
    assert upload is not None
    assert found is not None

    processing.verify(tenant.owner, upload, found)

    after = tenant.studio.get(f"/api/media/{media}")
    assert after.headers["etag"] == before.headers["etag"]
    assert tenant.inconsistencies() == []


def read_upload(tenant: Tenant, media: str) -> Any:
    from vitrine.queries import uploads

    return read(tenant.owner, uploads.by_version(tenant.id, UUID(media)))[0]


def test_an_idempotency_key_is_ignored(tenant: Tenant) -> None:
    answers = [send(tenant.studio, home(tenant), File(), **{"idempotency-key": "a key"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["mediaId"] != answers[1].json()["mediaId"]


def test_the_item_is_shown_and_counted_once_and_before_its_frames_are_made(
    separate_stack: Stack, new_tenant: Callable[[], Tenant]
) -> None:
    tenant = new_tenant()
    separate_stack.kill("worker")
    try:
        shown = sent(tenant, File())
        listed = tenant.studio.get("/api/v1/media").json()["data"]["data"]
        served_as = http().get(shown["blob"], follow_redirects=True).content
        before = total(tenant), tenant.inconsistencies()
    finally:
        separate_stack.restart("worker")

    assert (shown["processing"], shown["frames"], shown["width"]) == (
        {"state": "pending", "reason": None},
        [],
        320,
    )
    assert (served_as, before) == (PHOTO, (1, []))
    assert [item["id"] for item in listed] == [str(UUID(shown["id"]))]
    assert tenant.finished(shown["id"])["state"] == "ready"
    assert (total(tenant), tenant.inconsistencies()) == (1, [])


def test_an_item_counted_by_its_first_bytes_is_not_counted_after_its_rejection(
    separate_stack: Stack, new_tenant: Callable[[], Tenant]
) -> None:
    tenant = new_tenant()
    head = content.sniff(PHOTO)
    assert head is not None
    separate_stack.kill("worker")
    try:
        upload = begin(
            tenant,
            size=len(PHOTO),
            checksum={"algorithm": "SHA256", "value": base64.b64encode(bytes(32)).decode()},
        )
        assert upload.complete(upload.put_all(PHOTO)).status_code == 200
        processing.verify(tenant.owner, read_upload(tenant, upload.media), head)
        before = total(tenant), tenant.inconsistencies()
    finally:
        separate_stack.restart("worker")

    assert before == (1, [])
    assert tenant.finished(upload.media)["state"] == "rejected"
    assert (total(tenant), tenant.inconsistencies()) == (0, [])


def test_a_file_that_is_rejected_in_the_trash_is_removed(
    separate_stack: Stack, new_tenant: Callable[[], Tenant]
) -> None:
    tenant = new_tenant()
    separate_stack.kill("worker")
    try:
        upload = begin(tenant, size=len(PAGE))
        assert upload.complete(upload.put_all(PAGE)).status_code == 200
        assert tenant.studio.delete(f"/api/media/{upload.media}").status_code == 200
        before = len(trash(tenant))
    finally:
        separate_stack.restart("worker")

    assert tenant.finished(upload.media)["state"] == "rejected"
    assert (before, trash(tenant)) == (1, [])
    assert tenant.studio.post(f"/api/media/{upload.media}/restore").status_code == 410
    assert tenant.inconsistencies() == []


def trash(tenant: Tenant) -> list[object]:
    found: list[object] = tenant.studio.get(f"/api/organization/{tenant.id.hex}/trash").json()["trash"]
    return found


def test_accepted_documents_are_kept_and_never_rendered(
    separate_stack: Stack, new_tenant: Callable[[], Tenant], another_environment: pytest.MonkeyPatch
) -> None:
    tenant = new_tenant()
    entities = (
        b"<!DOCTYPE svg [<!ENTITY out SYSTEM 'file:///etc/passwd'>]>"
        b"<svg xmlns='http://www.w3.org/2000/svg'><text>&out;</text></svg>"
    )
    documents = {b"%PDF-1.7\n1 0 obj <</S /JavaScript /JS (app.alert(1))>> endobj": "pdf", entities: "image"}
    separate_stack.kill("worker")
    try:
        # The documents are declared as JPEGs.
        uploads = {data: begin(tenant, size=len(data), filename="a file") for data in documents}
        assert [upload.complete(upload.put_all(data)).status_code for data, upload in uploads.items()] == [
            200,
            200,
        ]
        rejected = begin(
            tenant,
            size=len(entities),
            checksum={"algorithm": "SHA256", "value": base64.b64encode(bytes(32)).decode()},
        )
        assert rejected.complete(rejected.put_all(entities)).status_code == 200
        another_environment.setenv("ACCEPTED_DOCUMENTS", "application/pdf,image/svg+xml")
        settings.cache_clear()
        event = json.loads((ROOT / "events/upload_form.json").read_text())
        event["headers"] |= {"x-api-key": tenant.studio.key, "x-team-id": str(tenant.id), **SDK}
        body = encoded(home(tenant), File(entities, "b.svg", "image/svg+xml"))
        formed = invoke(handler, event | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True})
        for upload in (*uploads.values(), rejected):
            intake.process_upload(upload.answer["key"])
        as_form = json.loads(formed["body"])["mediaId"]
        intake.process_upload(read_upload(tenant, as_form).key)
        # Processed again, a document still has no frames.
        intake.process_upload(reprocessing.record_request(tenant, as_form))
    finally:
        separate_stack.restart("worker")

    assert tenant.finished(rejected.media)["reason"] == "The bytes do not have the SHA-256 that was declared"
    for data, item in [*((data, upload.media) for data, upload in uploads.items()), (entities, as_form)]:
        shown = tenant.studio.get(f"/api/media/{item}").json()["media"]
        v1 = tenant.studio.get(f"/api/v1/media/{item}").json()["data"]
        mime_type = "application/pdf" if documents[data] == "pdf" else "image/svg+xml"
        assert (shown["type"], shown["mimeType"], v1["mimeType"]) == (documents[data], mime_type, mime_type)
        assert shown["processing"] == {"state": "ready", "reason": None}
        assert (shown["frames"], shown["width"], shown["sha256"]) == (
            [],
            None,
            hashlib.sha256(data).hexdigest(),
        )
        for query in ("", "?original=1", "?download=1"):
            served = http().get(shown["blob"] + query, follow_redirects=True)
            assert (served.content == data, served.headers["content-type"]) == (
                True,
                "application/octet-stream",
            )
            assert served.headers["content-disposition"].startswith("attachment; ")
        assert [
            http().get(shown["blob"] + query).status_code for query in ("?size=frame", "?size=thumbnail")
        ] == [404, 404]
    assert tenant.studio.get("/api/v1/media").json()["data"]["total"] == total(tenant) == 3
    assert tenant.inconsistencies() == []


def total(tenant: Tenant) -> int:
    found: int = tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["pagination"][
        "total"
    ]
    return found


def test_without_a_store_the_response_is_503_and_nothing_is_left(
    separate_stack: Stack, new_tenant: Callable[[], Tenant]
) -> None:
    tenant = new_tenant()
    separate_stack.kill("s3")

    answer = send(tenant.studio, home(tenant), File())
    separate_stack.restart("s3")

    assert (answer.status_code, answer.json()) == (
        503,
        {"error": "The store is not answering; try again", "code": "busy"},
    )
    assert left(tenant)[:2] == [0, 0]
    sweep.delete_marked(datetime.now(UTC), None, 1000, dry_run=False)
    assert left(tenant) == NOTHING
    assert send(tenant.studio, home(tenant), File()).status_code == 200
    assert tenant.inconsistencies() == []
