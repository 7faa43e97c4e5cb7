"""The door: what every endpoint does with requests, whatever it is for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from mangum import Mangum

from tests.loops import call, invoke
from vitrine.dialects import Answer, Dialect, Input, companion, studio, v1
from vitrine.endpoint import EXPOSED, Endpoint, Request, endpoint, fallback
from vitrine.errors import Busy, Conflict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from vitrine.models import Nobody


class Body(Input):
    name: str
    count: int = 1


class Query(Input):
    limit: int = 10


@endpoint(studio, public=True, body=Body, query=Query, returns=dict)
def echo(request: Request[Body, Query], _: Nobody) -> dict[str, Any]:
    """POST /api/echo/{word} - what it was told."""
    return {"word": request.text("word"), "name": request.body().name, "count": request.body().count, "limit": request.query().limit}


def failing(error: Callable[[], Exception], dialect: Dialect = studio) -> Endpoint:
    @endpoint(dialect, public=True, returns=dict)
    def app(_: Request, __: Nobody) -> object:
        """GET /api/failing - never well."""
        raise error()

    return app


def test_text_becomes_types_and_types_become_text() -> None:
    answer = call(echo, "POST", "/api/echo/hello%20there?limit=3&unknown=1", json={"name": "né", "count": 2, "unknown": [1]})

    assert (answer.status_code, answer.json()) == (200, {"word": "hello there", "name": "né", "count": 2, "limit": 3})


def test_every_answer_says_what_browsers_must_know() -> None:
    answer = call(echo, "POST", "/api/echo/x", json={"name": "n"})

    assert {name: answer.headers[name] for name in answer.headers if name not in ("x-request-id", "content-length")} == {
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


def test_by_https_a_browser_is_told_to_stay_there(another_environment: pytest.MonkeyPatch) -> None:
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
def test_a_body_that_is_none_is_refused_in_words(content: bytes, error: str) -> None:
    answer = call(echo, "POST", "/api/echo/x", content=content, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["error"], answer.json()["code"]) == (400, error, "invalid")


def test_every_field_at_fault_is_named() -> None:
    answer = call(echo, "POST", "/api/echo/x", json={"count": "many"})

    assert answer.json() == {
        "error": "name: Required",
        "code": "invalid",
        "details": [{"path": ["name"], "message": "Required"}, {"path": ["count"], "message": "Must be a whole number"}],
    }


def test_an_escaped_backslash_is_no_nul() -> None:
    answer = call(echo, "POST", "/api/echo/x", content=rb'{"name": "\\u0000"}')

    assert answer.json()["name"] == r"\u0000"


@pytest.mark.parametrize(("path", "status"), [("/api/echo/x?limit=%00", 400), ("/api/echo/x?%00=1", 400), ("/api/echo/%00", 404)])
def test_no_nul_comes_in_by_the_address(path: str, status: int) -> None:
    assert call(echo, "POST", path, json={"name": "n"}).status_code == status


def test_a_body_of_the_largest_size_is_read_and_one_byte_more_is_not(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("MAX_BODY_BYTES", "100")
    fits = json.dumps({"name": "n" * (100 - len('{"name": ""}'))}).encode()

    async def streamed() -> AsyncIterator[bytes]:
        for byte in fits + b" ":
            yield bytes([byte])

    assert [call(echo, "POST", "/api/echo/x", content=content).status_code for content in (fits, fits + b" ", streamed())] == [200, 413, 413]


def test_a_body_that_is_too_large_is_refused_in_the_dialects_shape(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("MAX_BODY_BYTES", "10")

    @endpoint(v1, public=True, body=Body, returns=dict)
    def app(_: Request[Body], __: Nobody) -> object:
        return {}

    answer = call(app, "POST", content=b"x" * 11)

    sentence = "The body of a request may hold 10 bytes; larger files go through the upload protocol at /api/upload"
    assert answer.status_code == 413
    assert {**answer.json(), "info": None} == {"success": False, "error": sentence, "code": "HTTP_413", "info": None}


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (studio, {"error": "Internal server error", "code": "internal_error", "requestId": ...}),
        (companion, {"error": "Internal server error", "code": "internal_error", "requestId": ...}),
        (v1, {"success": False, "error": "Internal server error", "code": "HTTP_500", "info": ...}),
    ],
    ids=["studio", "companion", "v1"],
)
def test_a_fault_tells_nothing_but_the_request_id(dialect: Dialect, body: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    answer = call(failing(lambda: RuntimeError("the secret"), dialect), "GET", "/api/failing")

    assert answer.status_code == 500
    assert {name: ... if body.get(name) is ... else value for name, value in answer.json().items()} == body
    assert "the secret" not in answer.text
    assert answer.json().get("requestId", answer.headers["x-request-id"]) == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("error", "status", "headers"), [(lambda: Busy("Later", retry_after=7), 503, {"retry-after": "7"}), (lambda: Conflict("No"), 409, {})]
)
def test_a_refusal_is_said_with_its_status(error: Callable[[], Exception], status: int, headers: dict[str, str]) -> None:
    answer = call(failing(error), "GET", "/api/failing")

    assert answer.status_code == status
    assert headers.items() <= dict(answer.headers).items()


def test_a_handler_may_answer_with_headers_and_a_status_of_its_own() -> None:
    @endpoint(studio, public=True, returns=dict)
    def app(_: Request, __: Nobody) -> Answer:
        return Answer({"made": True}, 201, {"etag": '"1"', "cache-control": "private"})

    answer = call(app)

    assert (answer.status_code, answer.json(), answer.headers["etag"], answer.headers["cache-control"]) == (201, {"made": True}, '"1"', "private")


def test_head_runs_the_handler_and_leaves_the_body_out() -> None:
    answer = call(failing(lambda: Conflict("No")), "HEAD", "/api/failing")

    assert (answer.status_code, answer.content) == (409, b"")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True), ("https://api.example", True), ("https://evil.example", False), ("null", False),
        ("https://shop.example.evil", False),
    ],
)
def test_only_known_origins_may_read(another_environment: pytest.MonkeyPatch, origin: str, *, allowed: bool) -> None:
    another_environment.setenv("ALLOWED_ORIGINS", "https://shop.example, https://other.example/")
    another_environment.setenv("ORIGIN", "https://api.example")

    answer = call(echo, "POST", "/api/echo/x", json={"name": "n"}, headers={"origin": origin})

    cors = {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}
    assert cors == ({
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": EXPOSED,
    } if allowed else {})


def test_in_lambda_the_request_has_the_gateways_id() -> None:
    event = {
        "version": "2.0", "routeKey": "POST /api/echo/{word}", "rawPath": "/api/echo/x", "rawQueryString": "limit=4", "headers": {"host": "api.test"},
        "requestContext": {"http": {"method": "POST", "path": "/api/echo/x", "sourceIp": "192.0.2.1"}, "requestId": "Qk3XvgGdliAEPqA="},
        "pathParameters": {"word": "a word"}, "body": '{"name": "n"}', "isBase64Encoded": False,
    }  # fmt: skip

    def handler(event: Any, context: Any) -> object:
        return Mangum(echo, lifespan="off")(event, context)

    answer = invoke(handler, event)

    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"word": "a word", "name": "n", "count": 1, "limit": 4})
    assert answer["headers"]["x-request-id"] == "Qk3XvgGdliAEPqA="


def test_an_endpoint_says_what_it_is_without_being_run() -> None:
    spec = echo.spec

    assert (spec.routes, spec.body, spec.query, spec.status, spec.operation) == ((("POST", "/api/echo/{word}"),), Body, Query, 200, None)


def test_an_endpoint_is_public_or_asks_for_a_permission() -> None:
    with pytest.raises(ValueError, match="public"):
        endpoint(studio)


# What no route takes.

ELSEWHERE = fallback(
    [
        "GET /api/media/{mediaId}", "DELETE /api/media/{mediaId}", "GET /api/v1/media", "GET /api/v1/media/{id}", "POST /api/v1/media/upload",
        "GET /api/upload",
    ],
    {"/api/v1/": v1, "/api/upload": companion, "/": studio},
)  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "status", "allow", "body"),
    [
        ("GET", "/nowhere", 404, None, {"error": "There is nothing at this address", "code": "not_found"}),
        ("GET", "/api/v1/nowhere", 404, None, {"success": False, "error": "There is nothing at this address", "code": "HTTP_404", "info": ...}),
        (
            "PUT", "/api/media/0", 405, "DELETE, GET, OPTIONS",
            {"error": "PUT is not allowed here; DELETE, GET, OPTIONS is", "code": "method_not_allowed"},
        ),
        ("PATCH", "/api/v1/media/upload", 405, "OPTIONS, POST", None),
        ("POST", "/api/v1/media", 405, "GET, OPTIONS", None),
        ("OPTIONS", "/api/v1/media", 204, "GET, HEAD, OPTIONS", None),
        ("OPTIONS", "/nowhere", 404, None, {"error": "There is nothing at this address", "code": "not_found"}),
        ("DELETE", "/api/upload", 405, "GET, OPTIONS", {"error": "DELETE is not allowed here; GET, OPTIONS is", "code": "method_not_allowed"}),
    ],
)  # fmt: skip
def test_what_no_route_takes(method: str, path: str, status: int, allow: str | None, body: dict[str, Any] | None) -> None:
    answer = call(ELSEWHERE, method, path)

    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
    assert ({name: ... if name == "info" else value for name, value in answer.json().items()} if answer.content else None) == body


def test_a_preflight_names_methods_and_headers(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("ALLOWED_ORIGINS", "https://shop.example")

    answer = call(ELSEWHERE, "OPTIONS", "/api/media/0", headers={"origin": "https://shop.example", "access-control-request-method": "DELETE"})

    assert answer.status_code == 204
    assert {name: value for name, value in answer.headers.items() if name.startswith("access-control-")} == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": EXPOSED,
        "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS",
        "access-control-allow-headers": "authorization, content-type, if-match, x-api-key, x-team-id, idempotency-key",
        "access-control-max-age": "7200",
    }


def test_a_v1_path_with_a_slash_at_its_end_is_redirected() -> None:
    answer = call(ELSEWHERE, "GET", "/api/v1/m%C3%A9dia/?limit=2")

    assert (answer.status_code, answer.headers["location"]) == (308, "/api/v1/m%C3%A9dia?limit=2")
