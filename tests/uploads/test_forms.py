"""The parser of multipart forms: names of files, fields, encodings and limits."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.given import pictures
from vitrine.http.forms import Form

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(16, 12, seed=71)
BOUNDARY = "x-a-form"
TYPE = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}

NAMED = {  # parameters of a part beside its name, as clients send them -> the name of its file
    b'filename="photo.jpg"': "photo.jpg",
    # The extended form, RFC 5987 and 8187, which has precedence over the plain one
    b"filename*=UTF-8''na%C3%AFve%20plan.jpg": "naïve plan.jpg",
    b"filename*=utf-8'en'%E2%82%AC.jpg": "€.jpg",
    b"filename*=iso-8859-1''caf%E9.jpg": "café.jpg",
    b"filename*=Shift_JIS''%93%FA%96%7B.jpg": "日本.jpg",
    b"filename=\"=?UTF-8?B?5pel5pys?=\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.jpg": "日本.jpg",
    b"filename*=UTF-8''%E6%97%A5.jpg; filename=\"_.jpg\"": "日.jpg",
    b"filename=\"plain.jpg\"; filename*=no-such-charset''x.jpg": "plain.jpg",
    b"filename=\"plain.jpg\"; filename*=UTF-8''%FF.jpg": "plain.jpg",
    b"filename*=\"UTF-8''in%20quotes.jpg\"": "in quotes.jpg",
    b"filename*=UTF-8''100%.jpg": "100%.jpg",
    # Continuations, RFC 2231
    b"filename*0*=UTF-8''%E6%97%A5; filename*1=\" and \"; filename*2*=%E6%9C%AC.jpg": "日 and 本.jpg",
    b'filename*1="b.jpg"; filename*0="a"': "ab.jpg",
    # Quoted strings
    b'filename="a\\"b.jpg"': 'a"b.jpg',
    b'filename="a\\\\b\\".jpg"': 'a\\b".jpg',
    b'filename="a%22b%0D%0Ac.jpg"': 'a"b\r\nc.jpg',
    b'filename="100%25 %41%0a.jpg"': "100%25 %41%0a.jpg",
    b'filename="C:\\photos\\a.jpg"': "C:\\photos\\a.jpg",
    b'filename="a;b=c, d.jpg"': "a;b=c, d.jpg",
    b'filename="=?utf-8?q?x?="': "=?utf-8?q?x?=",
    # Without quotes, in other case, with white space, other parameters and other encodings
    b"filename=photo.jpg": "photo.jpg",
    "filename=日本.jpg".encode(): "日本.jpg",
    b'FileName = "a.jpg" ; size=5': "a.jpg",
    b"filename=my photo.jpg;": "my photo.jpg",
    b'x-dashed-one=1; filename=a.jpg; creation-date="Wed, 12 Feb 1997"': "a.jpg",
    'filename="café.jpg"'.encode("latin-1"): "café.jpg",
    b'filename="a\\"': "a\\",
    # Folded lines
    b'\r\n filename="a.jpg"': "a.jpg",
    b'filename="a.jpg";\r\n\tx-other="b";\r\n y=z': "a.jpg",
}
UNREADABLE = [  # parameters from which the name of a file cannot be read
    b'filename="a.jpg"; filename="b.jpg"',
    b'filename="a',
    b'filename="a"b.jpg"',
    b"filename*=no-such-charset''x.jpg",
    b"filename*=UTF-8''%FF.jpg",
    b"filename*=idna''x.jpg",
    b'filename*1="b.jpg"',
    b'filename*0000000000="b.jpg"; name2',
    b'filename="a\x00b.jpg"',
    b"filename*=UTF-8''a%00b.jpg",
    b'\r\nfilename="a.jpg"',
    b"filename=a.jpg" + b";\r\n x=y" * 40,
]


def form(*heads: bytes, data: bytes = PHOTO) -> bytes:
    """Return a form with a part for each of these headers, all with the same content."""
    return (
        b"".join(b"--%b\r\n%b\r\n\r\n%b\r\n" % (BOUNDARY.encode(), head, data) for head in heads)
        + f"--{BOUNDARY}--\r\n".encode()
    )


def head(parameters: bytes, name: bytes = b'name="files"') -> bytes:
    return b"Content-Disposition: form-data; %b; %b\r\nContent-Type: image/jpeg" % (name, parameters)


def test_a_file_has_the_name_in_its_parts_headers(tenant: Tenant) -> None:
    answer = tenant.studio.post("/api/v1/media/upload", content=form(*map(head, NAMED)), headers=TYPE)

    assert answer.status_code == 200, answer.text
    assert [media["filename"] for media in answer.json()["data"]["media"]] == list(NAMED.values())
    assert "errors" not in answer.json()["data"]
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize(
    "parameters", [b"filename*=UTF-8''na%C3%AFve.jpg", b'filename="a\\"b.jpg"', b'\r\n filename="folded.jpg"']
)
def test_the_studio_api_reads_the_same_names(tenant: Tenant, parameters: bytes) -> None:
    field = form(b"content-DISPOSITION: Form-Data; NAME=datasetId", data=tenant.collection_id.hex.encode())
    body = field.removesuffix(f"--{BOUNDARY}--\r\n".encode()) + form(head(parameters, b"name*=utf-8''fi%6Ce"))

    answer = tenant.studio.post("/api/upload/multipart", content=body, headers=TYPE)

    assert answer.status_code == 200, answer.text
    shown = tenant.studio.get(f"/api/media/{answer.json()['mediaId']}").json()["media"]
    assert shown["filename"] == read(head(parameters))["filename"]


@pytest.mark.parametrize("parameters", UNREADABLE)
def test_a_file_whose_name_cannot_be_read_is_never_ignored(tenant: Tenant, parameters: bytes) -> None:
    answer = tenant.studio.post(
        "/api/v1/media/upload", content=form(head(b"filename=good.jpg"), head(parameters)), headers=TYPE
    )

    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert tenant.studio.get("/api/v1/media").json()["data"]["total"] == 0


def test_a_file_without_a_name_is_reported(tenant: Tenant) -> None:
    nameless = b'Content-Disposition: form-data; name="files"\r\nContent-Type: image/jpeg'

    alone = tenant.studio.post("/api/v1/media/upload", content=form(nameless), headers=TYPE)
    beside = tenant.studio.post(
        "/api/v1/media/upload", content=form(head(b"filename=a.jpg"), nameless), headers=TYPE
    )

    assert (alone.status_code, alone.json()["error"]) == (400, "name must have 1 to 255 characters")
    assert (beside.status_code, beside.json()["data"]["errors"]) == (
        200,
        [{"filename": "", "error": "name must have 1 to 255 characters"}],
    )


@pytest.mark.parametrize("size", [3, 10_000_000])
def test_a_part_without_a_files_name_is_a_file_unless_it_begins_as_text(size: int) -> None:
    part = b'Content-Disposition: form-data; name="files"'
    results = {}
    for data in (
        PHOTO,
        b"GIF89a\x01\x00\x01\x00",
        b"\x00\x00\x00\x18ftyp",
        "a text of é, longer than the first bytes ".encode() * 30,
        b"abc",
        b"",
    ):
        with Form(TYPE["content-type"], max_files=4, files_field="files") as read_form:
            body = form(part, data=data)
            for start in range(0, len(body), size):
                read_form.feed(body[start : start + size])
            read_form.end()
            results[data[:8]] = (read_form.error, [(file.filename, file.size) for file in read_form.repeated])

    assert results == {
        PHOTO[:8]: (None, [("", len(PHOTO))]),
        b"GIF89a\x01\x00": (None, [("", 10)]),
        b"\x00\x00\x00\x18ftyp": (None, [("", 8)]),
        b"a text o": (None, []),
        b"abc": (None, []),
        b"": (None, []),
    }


@pytest.mark.parametrize("size", [1, 7, 10_000_000])
@pytest.mark.parametrize(
    "preamble", [b"\r\n", b"This is a message in several parts.\r\n", b"--x-a\r\n\r\n", b"x" * 8000 + b"\r\n"]
)
def test_the_preamble_is_ignored(preamble: bytes, size: int) -> None:
    body = preamble + form(head(b'filename="a.jpg"')) + b"\r\nand after the last one"
    with Form(TYPE["content-type"], max_files=1, files_field="files") as read_form:
        for start in range(0, len(body), size):
            read_form.feed(body[start : start + size])
        read_form.end()

        assert (read_form.error, [(file.filename, file.size) for file in read_form.repeated]) == (
            None,
            [("a.jpg", len(PHOTO))],
        )


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_a_part_with_a_transfer_encoding_is_rejected(tenant: Tenant, encoding: str) -> None:
    encoded = head(b"filename=a.jpg") + f"\r\nContent-Transfer-Encoding: {encoding}".encode()

    answer = tenant.studio.post("/api/v1/media/upload", content=form(encoded), headers=TYPE)

    assert (answer.status_code, answer.json()["error"]) == (
        400,
        f"A part of a form is sent as it is, not as {encoding}",
    )


@pytest.mark.parametrize(
    ("content_type", "value", "text"),
    [
        (b"text/plain; charset=ISO-8859-1", b"caf\xe9", "café"),
        (b'text/plain; charset="utf-8"', "café".encode(), "café"),
        (b"", b"a%22b", "a%22b"),
    ],
)
def test_a_field_is_decoded_by_the_encoding_that_its_part_names(
    content_type: bytes, value: bytes, text: str
) -> None:
    headers = b'Content-Disposition: form-data; name="title"' + (
        b"\r\nContent-Type: " + content_type if content_type else b""
    )
    with Form(TYPE["content-type"], max_files=1) as read_form:
        read_form.feed(form(headers, data=value))
        read_form.end()

        assert (read_form.error, read_form.fields) == (None, {"title": text})


@pytest.mark.parametrize(
    ("usual", "value", "text"),
    [
        (b"iso-8859-1", b"caf\xe9", "café"),
        (b"UTF-8", "café".encode(), "café"),
        (b"", "café".encode(), "café"),
        (b"none", "café".encode(), "café"),
    ],
)
def test_a_field_without_an_encoding_is_decoded_by_the_one_that_the_form_names(
    usual: bytes, value: bytes, text: str
) -> None:
    charset, title = (
        b'Content-Disposition: form-data; name="%b"' % name for name in (b"_charset_", b"title")
    )
    with Form(TYPE["content-type"], max_files=1) as read_form:
        read_form.feed(
            form(charset, data=usual).removesuffix(f"--{BOUNDARY}--\r\n".encode()) + form(title, data=value)
        )
        read_form.end()

        assert (read_form.error, read_form.fields["title"]) == (None, text)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000_000])
def test_a_form_is_parsed_alike_in_chunks_of_any_size(size: int) -> None:
    assert [read(head(parameters), size)["filename"] for parameters in NAMED] == list(NAMED.values())


def test_no_header_takes_long_to_parse() -> None:
    began = time.perf_counter()

    for parameters in (
        b"a=" * 4000,
        b";" * 8000,
        b'filename="' + b"\\" * 7000,
        b'filename="' + b'\\"' * 3000,
        b"filename" + b"*0" * 3000,
        b" " * 8000 + b'"',
        b";".join(b"filename*%d*=%%41" % n for n in range(500)),
        b'x="' + b'";x="' * 1500,
    ):
        read(head(parameters))

    assert time.perf_counter() - began < 2


def read(headers: bytes, size: int = 65_536) -> dict[str, Any]:
    """Return what the parser reads of a form with one file, fed in chunks of this size."""
    body = form(headers, data=b"the bytes of it")
    with Form(TYPE["content-type"], max_files=1, files_field="files") as parsed:
        for start in range(0, len(body), size):
            parsed.feed(body[start : start + size])
        parsed.end()
        if parsed.error is not None:
            return {"error": str(parsed.error)}
        [file] = parsed.repeated
        file.content.seek(0)
        assert (file.content.read(), file.declared_type) == (b"the bytes of it", "image/jpeg")
        return json.loads(json.dumps({"filename": file.filename}))  # type: ignore[no-any-return]  # every name can be written as JSON
