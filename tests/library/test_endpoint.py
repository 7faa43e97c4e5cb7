"""What every endpoint does with requests, whatever its operation."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from mangum import Mangum
from pydantic import Field

from tests.given.loops import call, invoke
from vitrine.dialects import Answer, Dialect
from vitrine.dialects.formats import Input
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.uploads import UPLOADS
from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.zod import Schema
from vitrine.errors import Conflict, ServiceUnavailable
from vitrine.http.cors import EXPOSED
from vitrine.http.endpoint import Endpoint, Request, endpoint
from vitrine.http.unrouted import fallback
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import httpx

    from vitrine.models.people import Nobody


class Body(Input):
    name: str
    count: int = 1


class Query(Input):
    limit: int = 10


@endpoint(STUDIO, public=True, body=Body, query=Query, returns=dict)
def echo(request: Request[Body, Query], _: Nobody) -> dict[str, Any]:
    """POST /api/echo/{word} - the request's own values."""
    return {
        "word": request.text("word"),
        "name": request.body().name,
        "count": request.body().count,
        "limit": request.query().limit,
    }


def failing(error: Callable[[], Exception], dialect: Dialect = STUDIO) -> Endpoint:
    @endpoint(dialect, public=True, returns=dict)
    def app(_: Request, __: Nobody) -> object:
        """GET /api/failing - always an error."""
        raise error()

    return app


def test_text_becomes_types_and_types_become_text() -> None:
    answer = call(
        echo,
        "POST",
        "/api/echo/hello%20there?limit=3&unknown=1",
        json={"name": "né", "count": 2, "unknown": [1]},
    )

    assert (answer.status_code, answer.json()) == (
        200,
        {"word": "hello there", "name": "né", "count": 2, "limit": 3},
    )


def test_every_answer_has_the_security_headers() -> None:
    answer = call(echo, "POST", "/api/echo/x", json={"name": "n"})

    assert {
        name: answer.headers[name]
        for name in answer.headers
        if name not in ("x-request-id", "content-length")
    } == {
        "content-type": "application/json",
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
        "x-xss-protection": "1; mode=block",
        "referrer-policy": "strict-origin-when-cross-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "content-security-policy": "default-src 'none'; frame-ancestors 'self'",
        "cache-control": "no-store",
        "vary": "Origin",
    }
    assert len(answer.headers["x-request-id"]) == 32


def test_an_answer_by_https_has_strict_transport_security(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.delenv("ORIGIN", raising=False)

    answer = call(echo, "POST", "/api/echo/x", json={"name": "n"}, origin="https://api.test")

    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{", "The body is not valid JSON"),
        (b'{"name": "\xff"}', "The body is not valid JSON"),
        (b'{"name": NaN}', "The body is not valid JSON"),
        (b'{"name": "\\ud800"}', "The body is not valid JSON"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "The body is not valid JSON"),
        (b"[" * 100_000, "The body is not valid JSON"),
        (b'{"name": "n", "deep": {"er": ["\\u0000"]}}', "A text holds a character that cannot be stored"),
        (b'{"name": "n", "\\u0000": 1}', "A text holds a character that cannot be stored"),
        (b"[]", "body: Must be an object"),
        (b"null", "body: Must be an object"),
        (b"", "name: Required"),
        (b"  ", "name: Required"),
        (b'{"name": 1}', "name: Must be a string"),
        (b'{"name": "n", "count": 1.5}', "count: Must be a whole number"),
    ],
)
def test_a_malformed_body_is_rejected_with_a_sentence(content: bytes, error: str) -> None:
    answer = call(echo, "POST", "/api/echo/x", content=content, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["error"], answer.json()["code"]) == (400, error, "invalid")


def test_every_invalid_field_is_named() -> None:
    answer = call(echo, "POST", "/api/echo/x", json={"count": "many"})

    assert answer.json() == {
        "error": "name: Required",
        "code": "invalid",
        "details": [
            {"path": ["name"], "message": "Required"},
            {"path": ["count"], "message": "Must be a whole number"},
        ],
    }


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    answer = call(echo, "POST", "/api/echo/x", content=rb'{"name": "\\u0000"}')

    assert answer.json()["name"] == r"\u0000"


@pytest.mark.parametrize(
    ("path", "status"), [("/api/echo/x?limit=%00", 400), ("/api/echo/x?%00=1", 400), ("/api/echo/%00", 404)]
)
def test_a_url_with_nul_is_rejected(path: str, status: int) -> None:
    assert call(echo, "POST", path, json={"name": "n"}).status_code == status


JSON = {"content-type": "application/json"}


class Note(Schema):
    note: str = Field("", max_length=5)
    size: int = Field(0, ge=0)


@endpoint(V1, public=True, body=Note, returns=dict)
def note_v1(request: Request[Note], _: Nobody) -> dict[str, Any]:
    """DELETE /api/v1/noted - the request's own values."""
    return request.body().model_dump()


@endpoint(STUDIO, public=True, body=Body, returns=dict)
def remove_studio(request: Request[Body], _: Nobody) -> dict[str, Any]:
    """DELETE /api/removed - the request's own values."""
    return request.body().model_dump()


def v1_error(sentence: str, *, status: int = 400, **more: Any) -> dict[str, Any]:
    return {"success": False, "error": sentence, "code": f"HTTP_{status}", **more, "info": ...}


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON body, with `...` in the place of the time."""
    return {name: ... if name == "info" else value for name, value in answer.json().items()}


NOT_JSON = "The body is not valid JSON"
NO_NUL = "A text holds a character that cannot be stored"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", NOT_JSON),
        (b"}", NOT_JSON),
        (b"{}}", NOT_JSON),
        (b"{} {}", NOT_JSON),
        (b"{'note': 1}", NOT_JSON),
        (b'{"note": "a",}', NOT_JSON),
        (b"// none\n{}", NOT_JSON),
        (b"name=n", NOT_JSON),
        (b'{"note": 01}', NOT_JSON),
        (b'{"note": "\n"}', NOT_JSON),
        (b"\x00", NOT_JSON),
        (b'{"size": NaN}', NOT_JSON),
        (b'{"size": Infinity}', NOT_JSON),
        (b'{"size": -Infinity}', NOT_JSON),
        (b'{"size": ' + b"9" * 5000 + b"}", NOT_JSON),
        (b"[" * 100_000, NOT_JSON),
        (b"[" * 100_000 + b"]" * 100_000, NOT_JSON),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, NOT_JSON),
        (b'{"a":[' * 50_000 + b"]}" * 50_000, NOT_JSON),
        (b'{"unknown":' + b"[" * 300 + b"]" * 300 + b"}", NOT_JSON),
        (b'{"note": "\xff"}', NOT_JSON),
        ('{"note": "é"}'.encode("latin-1"), NOT_JSON),
        ('{"note": "é"}'.encode("utf-16"), NOT_JSON),
        ("{}".encode("utf-16-le"), NOT_JSON),
        ("{}".encode("utf-32"), NOT_JSON),
        (b"\xef\xbb\xbf{}", NOT_JSON),
        (b'{"note": "\xed\xa0\x80"}', NOT_JSON),
        (rb'{"note": "\ud800"}', NOT_JSON),
        (rb'{"note": "\udc00\ud800"}', NOT_JSON),
        (rb'{"\ud800": 1}', NOT_JSON),
        (rb'{"unknown": [{"\udfff": 1}]}', NOT_JSON),
        (rb'{"unknown": ["\u0000"]}', NO_NUL),
        (rb'{"note": "a\u0000"}', NO_NUL),
        (rb'{"\u0000": 1}', NO_NUL),
    ],
)
def test_malformed_json_is_rejected_in_the_format_of_either_dialect(content: bytes, sentence: str) -> None:
    began = time.perf_counter()
    answers = [
        call(app, "DELETE", path, content=content, headers=JSON)
        for app, path in ((remove_studio, "/api/removed"), (note_v1, "/api/v1/noted"))
    ]

    assert [(answer.status_code, body_of(answer)) for answer in answers] == [
        (400, {"error": sentence, "code": "invalid"}),
        (400, v1_error(sentence)),
    ]
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("content", [b"", b" ", b" \t\r\n " * 1000])
def test_an_empty_body_is_an_empty_object(content: bytes) -> None:
    studios = call(remove_studio, "DELETE", "/api/removed", content=content, headers=JSON)
    v1s = call(note_v1, "DELETE", "/api/v1/noted", content=content, headers=JSON)

    assert (studios.status_code, studios.json()["error"]) == (400, "name: Required")
    assert (v1s.status_code, v1s.json()) == (200, {"note": "", "size": 0})


@pytest.mark.parametrize(
    ("content", "accepted"),
    [
        (b'{"note": "a", "note": "b"}', {"note": "b", "size": 0}),
        (b'{"note": 1, "note": "b", "size": 1e0}', {"note": "b", "size": 1}),
        (rb'{"note": "\ud83d\ude00"}', {"note": "\U0001f600", "size": 0}),
        (b'{"unknown":' + b"[" * 150 + b"]" * 150 + b"}", {"note": "", "size": 0}),
        (b'{"unknown": [1e999, ' + b"9" * 4000 + b"]}", {"note": "", "size": 0}),
    ],
)
def test_a_delete_may_carry_a_body(content: bytes, accepted: dict[str, Any]) -> None:
    answer = call(note_v1, "DELETE", "/api/v1/noted", content=content, headers=JSON)

    assert (answer.status_code, answer.json()) == (200, accepted)


@pytest.mark.parametrize(
    ("size", "in_studio", "issue"),
    [
        (
            b"1e999",
            "count: Must be a finite number",
            {
                "expected": "number",
                "code": "invalid_type",
                "received": "Infinity",
                "path": ["size"],
                "message": "Invalid input: expected number, received number",
            },
        ),
        (
            b"9" * 400,
            None,
            {
                "expected": "number",
                "code": "invalid_type",
                "received": "Infinity",
                "path": ["size"],
                "message": "Invalid input: expected number, received number",
            },
        ),
        (
            b"9007199254740993",
            None,
            {
                "code": "too_big",
                "maximum": 9007199254740991,
                "note": "Integers must be within the safe integer range.",
                "origin": "int",
                "inclusive": True,
                "path": ["size"],
                "message": "Too big: expected int to be <=9007199254740991",
            },
        ),
    ],
)
def test_a_number_beyond_a_double_is_validated_by_the_model(
    size: bytes, in_studio: str | None, issue: dict[str, Any]
) -> None:
    v1s = call(note_v1, "DELETE", "/api/v1/noted", content=b'{"size": ' + size + b"}", headers=JSON)
    studios = call(
        remove_studio,
        "DELETE",
        "/api/removed",
        content=b'{"name": "n", "count": ' + size + b"}",
        headers=JSON,
    )

    assert (v1s.status_code, body_of(v1s)) == (
        400,
        v1_error("Validation failed", details={"errors": [issue]}),
    )
    assert (studios.status_code, studios.json().get("error")) == (
        (400, in_studio) if in_studio else (200, None)
    )


def test_a_body_that_is_no_object_is_rejected_in_the_format_of_either_dialect() -> None:
    issue = {
        "expected": "object",
        "code": "invalid_type",
        "path": [],
        "message": "Invalid input: expected object, received array",
    }

    studios = call(remove_studio, "DELETE", "/api/removed", content=b"[]", headers=JSON)
    v1s = call(note_v1, "DELETE", "/api/v1/noted", content=b"[]", headers=JSON)

    assert (studios.status_code, studios.json()) == (
        400,
        {
            "error": "body: Must be an object",
            "code": "invalid",
            "details": [{"path": [], "message": "Must be an object"}],
        },
    )
    assert (v1s.status_code, body_of(v1s)) == (
        400,
        v1_error("Validation failed", details={"errors": [issue]}),
    )


@pytest.mark.parametrize("way", ["with its length", "in chunks", "in chunks with a wrong length", "declared"])
def test_a_body_of_the_largest_size_is_read_and_one_byte_more_is_not(way: str) -> None:
    limit = settings().max_body_bytes
    sentence = (
        f"The body of a request may hold {limit} bytes; "
        "larger files go through the upload protocol at /api/upload"
    )

    def send(app: Endpoint, path: str, size: int) -> httpx.Response:
        content = b'{"name": "n", "note": "n", "rest": "' + b"x" * (size - 38) + b'"}'
        assert len(content) == size

        async def streamed() -> AsyncIterator[bytes]:
            for start in range(0, size, 65_536):
                yield content[start : start + 65_536]

        if way == "declared":  # the length alone decides, however little is sent
            return call(
                app,
                "DELETE",
                path,
                content=content[:10] if size > limit else content,
                headers=JSON | {"content-length": str(size)},
            )
        headers = JSON | ({"content-length": "5"} if "wrong" in way else {})
        return call(
            app, "DELETE", path, content=content if way == "with its length" else streamed(), headers=headers
        )

    assert limit == 4 * 1024 * 1024
    for app, path, rejected in (
        (remove_studio, "/api/removed", {"error": sentence, "code": "too_large"}),
        (note_v1, "/api/v1/noted", v1_error(sentence, status=413)),
    ):
        assert send(app, path, limit).status_code == 200
        answer = send(app, path, limit + 1)
        assert (answer.status_code, body_of(answer)) == (413, rejected)


@pytest.mark.parametrize("length", ["9" * 5000, "4194305", "0004194305"])
def test_a_declared_length_over_the_limit_is_rejected_at_once(length: str) -> None:
    assert (
        call(
            note_v1, "DELETE", "/api/v1/noted", content=b"{}", headers=JSON | {"content-length": length}
        ).status_code
        == 413
    )


def test_a_body_in_chunks_of_one_byte_takes_linear_time() -> None:
    async def streamed() -> AsyncIterator[bytes]:
        yield b'{"note": "n", "rest": "'
        for _ in range(200_000):
            yield b"x"
        yield b'"}'

    began = time.perf_counter()
    answer = call(note_v1, "DELETE", "/api/v1/noted", content=streamed(), headers=JSON)

    assert (answer.status_code, answer.json()["note"]) == (200, "n")
    assert time.perf_counter() - began < 20  # a sum over the pieces after each would take minutes


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (STUDIO, {"error": "Internal server error", "code": "internal_error", "requestId": ...}),
        (UPLOADS, {"error": "Internal server error", "code": "internal_error", "requestId": ...}),
        (V1, {"success": False, "error": "Internal server error", "code": "HTTP_500", "info": ...}),
    ],
    ids=["studio", "uploads", "v1"],
)
def test_an_internal_error_reveals_nothing_but_the_request_id(
    dialect: Dialect, body: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = call(failing(lambda: RuntimeError("the secret"), dialect), "GET", "/api/failing")

    assert answer.status_code == 500
    assert {name: ... if body.get(name) is ... else value for name, value in answer.json().items()} == body
    assert "the secret" not in answer.text
    assert answer.json().get("requestId", answer.headers["x-request-id"]) == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (lambda: ServiceUnavailable("Later", retry_after=7), 503, {"retry-after": "7"}),
        (lambda: Conflict("No"), 409, {}),
    ],
)
def test_an_error_is_answered_with_its_status(
    error: Callable[[], Exception], status: int, headers: dict[str, str]
) -> None:
    answer = call(failing(error), "GET", "/api/failing")

    assert answer.status_code == status
    assert headers.items() <= dict(answer.headers).items()


def test_a_handler_may_answer_with_headers_and_a_status_of_its_own() -> None:
    @endpoint(STUDIO, public=True, returns=dict)
    def app(_: Request, __: Nobody) -> Answer:
        return Answer({"made": True}, 201, {"etag": '"1"', "cache-control": "private"})

    answer = call(app)

    assert (answer.status_code, answer.json(), answer.headers["etag"], answer.headers["cache-control"]) == (
        201,
        {"made": True},
        '"1"',
        "private",
    )


def test_head_runs_the_handler_and_leaves_the_body_out() -> None:
    answer = call(failing(lambda: Conflict("No")), "HEAD", "/api/failing")

    assert (answer.status_code, answer.content) == (409, b"")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True),
        ("https://api.example", True),
        ("https://evil.example", False),
        ("null", False),
        ("https://shop.example.evil", False),
    ],
)
def test_only_known_origins_may_read(
    another_environment: pytest.MonkeyPatch, origin: str, *, allowed: bool
) -> None:
    another_environment.setenv("ALLOWED_ORIGINS", "https://shop.example, https://other.example/")
    another_environment.setenv("ORIGIN", "https://api.example")

    answer = call(echo, "POST", "/api/echo/x", json={"name": "n"}, headers={"origin": origin})

    cors = {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}
    assert cors == (
        {
            "access-control-allow-origin": origin,
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": EXPOSED,
        }
        if allowed
        else {}
    )


OUTSIDE = "a\r\nset-cookie: x=y\x00\x7f\x85 日本 é \ud800\u2028"  # text that clients may have chosen
IN_A_URL = "a%0D%0Aset-cookie:%20x=y%00%7F%C2%85%20%E6%97%A5%E6%9C%AC%20%C3%A9%20?%E2%80%A8"
IN_A_TEXT = "aset-cookie: x=y? ?? ? ??"


@pytest.mark.parametrize(
    "name",
    [
        "location",
        "set-cookie",
        "content-disposition",
        "etag",
        "allow",
        "x-request-id",
        "access-control-allow-origin",
    ],
)
def test_no_header_contains_a_control_character(another_environment: pytest.MonkeyPatch, name: str) -> None:
    origin = "https://a\r\nset-cookie: é.example"
    another_environment.setenv("ALLOWED_ORIGINS", origin)
    settings.cache_clear()

    @endpoint(STUDIO, public=True, returns=dict)
    def app(_: Request, __: Nobody) -> Answer:
        return Answer(
            {},
            302,
            {name: OUTSIDE} if name in ("location", "content-disposition", "etag", "allow") else {},
            (OUTSIDE,) if name == "set-cookie" else (),
        )

    event = {
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {"host": "api.test", "origin": origin},
        "isBase64Encoded": False,
        "requestContext": {
            "http": {"method": "GET", "path": "/", "sourceIp": "192.0.2.1"},
            "requestId": OUTSIDE,
        },
    }

    by_asgi = call(app, headers={"origin": origin.encode()})
    by_lambda = invoke(lambda event, context: Mangum(app, lifespan="off")(event, context), event)

    values = [by_lambda["cookies"][0] if name == "set-cookie" else by_lambda["headers"].get(name)]
    if name != "x-request-id":
        values.append(by_asgi.headers.get(name))
    # An encoded origin is not an allowed one, so its header is missing.
    if name != "access-control-allow-origin":
        assert values == [IN_A_URL if name == "location" else IN_A_TEXT] * len(values)
    every = [*by_asgi.headers.values(), *by_lambda["headers"].values(), *by_lambda.get("cookies", [])]
    assert [value for value in every if not (value.isascii() and value.isprintable())] == []


def test_in_lambda_the_request_has_the_gateways_id() -> None:
    event = {
        "version": "2.0",
        "routeKey": "POST /api/echo/{word}",
        "rawPath": "/api/echo/x",
        "rawQueryString": "limit=4",
        "headers": {"host": "api.test"},
        "requestContext": {
            "http": {"method": "POST", "path": "/api/echo/x", "sourceIp": "192.0.2.1"},
            "requestId": "Qk3XvgGdliAEPqA=",
        },
        "pathParameters": {"word": "a word"},
        "body": '{"name": "n"}',
        "isBase64Encoded": False,
    }

    def handler(event: Any, context: Any) -> object:
        return Mangum(echo, lifespan="off")(event, context)

    answer = invoke(handler, event)

    assert (answer["statusCode"], json.loads(answer["body"])) == (
        200,
        {"word": "a word", "name": "n", "count": 1, "limit": 4},
    )
    assert answer["headers"]["x-request-id"] == "Qk3XvgGdliAEPqA="


def test_an_endpoint_is_described_without_being_run() -> None:
    spec = echo.spec

    assert (spec.routes, spec.body, spec.query, spec.status, spec.operation) == (
        (("POST", "/api/echo/{word}"),),
        Body,
        Query,
        200,
        None,
    )


def test_an_endpoint_is_public_or_requires_a_permission() -> None:
    with pytest.raises(ValueError, match="public"):
        endpoint(STUDIO)


# Requests that no route takes.

UNROUTED = fallback(
    [
        "GET /api/media/{mediaId}",
        "DELETE /api/media/{mediaId}",
        "GET /api/v1/media",
        "GET /api/v1/media/{id}",
        "POST /api/v1/media/upload",
        "GET /api/upload",
    ],
    {"/api/v1/": V1, "/api/upload": UPLOADS, "/": STUDIO},
)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow", "body"),
    [
        ("GET", "/nowhere", 404, None, {"error": "There is nothing at this address", "code": "not_found"}),
        (
            "GET",
            "/api/v1/nowhere",
            404,
            None,
            {"success": False, "error": "There is nothing at this address", "code": "HTTP_404", "info": ...},
        ),
        (
            "PUT",
            "/api/media/0",
            405,
            "DELETE, GET, OPTIONS",
            {"error": "PUT is not allowed here; DELETE, GET, OPTIONS is", "code": "method_not_allowed"},
        ),
        ("PATCH", "/api/v1/media/upload", 405, "OPTIONS, POST", None),
        ("POST", "/api/v1/media", 405, "GET, OPTIONS", None),
        ("OPTIONS", "/api/v1/media", 204, "GET, OPTIONS", None),
        (
            "OPTIONS",
            "/nowhere",
            404,
            None,
            {"error": "There is nothing at this address", "code": "not_found"},
        ),
        (
            "DELETE",
            "/api/upload",
            405,
            "GET, OPTIONS",
            {"error": "DELETE is not allowed here; GET, OPTIONS is", "code": "method_not_allowed"},
        ),
    ],
)
def test_a_request_that_no_route_takes_is_answered(
    method: str, path: str, status: int, allow: str | None, body: dict[str, Any] | None
) -> None:
    answer = call(UNROUTED, method, path)

    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
    assert (
        {name: ... if name == "info" else value for name, value in answer.json().items()}
        if answer.content
        else None
    ) == body


def test_a_preflight_names_methods_and_headers(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("ALLOWED_ORIGINS", "https://shop.example")

    answer = call(
        UNROUTED,
        "OPTIONS",
        "/api/media/0",
        headers={"origin": "https://shop.example", "access-control-request-method": "DELETE"},
    )

    assert answer.status_code == 204
    assert {name: value for name, value in answer.headers.items() if name.startswith("access-control-")} == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": EXPOSED,
        "access-control-allow-methods": "DELETE, GET, OPTIONS",
        "access-control-allow-headers": "authorization, content-type, if-match, "
        "x-api-key, x-team-id, idempotency-key",
        "access-control-max-age": "7200",
    }


def test_a_v1_path_with_a_slash_at_its_end_is_redirected() -> None:
    answer = call(UNROUTED, "GET", "/api/v1/m%C3%A9dia/?limit=2")

    assert (answer.status_code, answer.headers["location"]) == (308, "/api/v1/m%C3%A9dia?limit=2")
