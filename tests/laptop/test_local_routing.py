"""The local gateway chooses routes by the rules that API Gateway documents for HTTP APIs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from local.server import Gateway, Limits, Message, Receive, Router, Scope, Send
from local.template import Route
from tests.given.loops import run

# docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html has the first five
ROUTES = [
    Route("GET", "/pets/dog/1", "dog_one"),
    Route("GET", "/pets/dog/{id}", "dog"),
    Route("GET", "/pets/{proxy+}", "pets"),
    Route("ANY", "/{proxy+}", "everything"),
    Route("ANY", "$default", "default"),
    Route("GET", "/media", "list"),
    Route("GET", "/media/{id}", "get"),
    Route("DELETE", "/media/{id}", "delete"),
    Route("POST", "/media/upload", "upload"),
    Route("ANY", "/media/upload", "upload_other"),
    Route("GET", "/media/{id}/parts/{number}", "part"),
    Route("GET", "/media/{id}/parts/batch", "batch"),
    Route("GET", "/", "page"),
]


@pytest.mark.parametrize(
    ("method", "path", "function", "variables"),
    [
        ("GET", "/pets/dog/1", "dog_one", {}),
        ("GET", "/pets/dog/2", "dog", {"id": "2"}),
        ("GET", "/pets/cat/1", "pets", {"proxy": "cat/1"}),
        ("POST", "/test/5", "everything", {"proxy": "test/5"}),
        ("GET", "/", "page", {}),
        ("POST", "/", "default", {}),  # a greedy variable has at least one character
        ("GET", "/media", "list", {}),
        # a slash at the end counts, a variable is never empty
        ("GET", "/media/", "everything", {"proxy": "media/"}),
        ("GET", "/media/7", "get", {"id": "7"}),
        ("DELETE", "/media/7", "delete", {"id": "7"}),
        ("PATCH", "/media/7", "everything", {"proxy": "media/7"}),
        ("POST", "/media/upload", "upload", {}),
        ("DELETE", "/media/upload", "upload_other", {}),  # the path decides before the method does
        ("GET", "/media/7/parts/3", "part", {"id": "7", "number": "3"}),
        ("GET", "/media/7/parts/batch", "batch", {"id": "7"}),
        ("GET", "/media/7/parts/3/4", "everything", {"proxy": "media/7/parts/3/4"}),
        ("GET", "/Media", "everything", {"proxy": "Media"}),
        ("OPTIONS", "/media", "everything", {"proxy": "media"}),
    ],
)
def test_the_most_specific_route_is_chosen(
    method: str, path: str, function: str, variables: dict[str, str]
) -> None:
    match = Router(ROUTES).match(method, path)

    assert match is not None
    assert (match.route.function, match.variables) == (function, variables)


def test_the_order_of_the_routes_does_not_matter() -> None:
    match = Router(reversed(ROUTES)).match("GET", "/pets/dog/1")

    assert match is not None
    assert match.route.function == "dog_one"


def test_a_full_match_goes_before_a_greedy_one_with_a_longer_fixed_part() -> None:
    router = Router([Route("GET", "/a/{rest+}", "greedy"), Route("GET", "/{x}/b", "full")])

    match = router.match("GET", "/a/b")

    assert match is not None
    assert match.route.function == "full"


def test_nothing_matches_without_a_default_route() -> None:
    assert Router([Route("GET", "/a", "a")]).match("GET", "/b") is None


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/f/123/secret", "/f/123/{token}"),
        ("/f/123/secret/", "/f/123/{token}"),
        ("/f/123/secret/and/more", "/f/123/{token}"),
        ("/f/123", "/f/123"),
        ("/f", "/f"),
        ("/g/123/secret", "/g/123/secret"),
        ("/api/media/123", "/api/media/123"),
    ],
)
def test_the_access_log_leaves_out_secrets_of_a_path(path: str, logged: str) -> None:
    router = Router(
        [Route("GET", "/f/{mediaId}/{token}", "follow_link"), Route("GET", "/api/media/{mediaId}", "get")]
    )

    assert router.loggable(path) == logged


def answering(answer: Callable[[Scope, bytes], Message]) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = answer(scope, (await receive())["body"])
        await send(
            {
                "type": "http.response.start",
                "status": message.get("status", 200),
                "headers": message.get("headers", []),
            }
        )
        await send({"type": "http.response.body", "body": message["body"]})

    return app


def request(gateway: Gateway, method: str = "GET", path: str = "/media", **words: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
            return await client.request(method, path, **words)

    return run(ask)


def test_a_function_gets_its_path_parameters_decoded() -> None:
    gateway = Gateway(
        ROUTES,
        load=lambda name: answering(lambda scope, _: {"body": f"{name} {scope['path_params']}".encode()}),
    )

    assert request(gateway, path="/media/a%20b").text == "get {'id': 'a b'}"
    assert request(gateway, path="/media/a%2Fparts%2F1").text == "part {'id': 'a', 'number': '1'}"


def test_like_aws_a_body_has_at_most_ten_megabytes() -> None:
    gateway = Gateway(
        ROUTES, load=lambda _: answering(lambda _, body: {"body": str(len(body)).encode()}), limits=Limits()
    )

    fits = request(gateway, "POST", "/media/upload", content=bytes(10 * 1024 * 1024))
    over = request(gateway, "POST", "/media/upload", content=bytes(10 * 1024 * 1024 + 1))

    assert (fits.status_code, fits.text) == (200, "10485760")
    assert (over.status_code, over.json()) == (413, {"message": "Request Entity Too Large"})


def test_like_aws_headers_over_ten_kilobytes_are_rejected() -> None:
    gateway = Gateway(ROUTES, load=lambda _: answering(lambda _, __: {"body": b"ok"}), limits=Limits())

    assert request(gateway, headers={"x-long": "a" * 9000}).status_code == 200
    assert request(gateway, headers={"x-long": "a" * 10_240}).status_code == 431


def test_without_limits_bodies_stream_and_nothing_is_cut() -> None:
    pieces: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            pieces.append(len(message["body"]))
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(7 * 1024 * 1024)})

    async def body() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(1024 * 1024)

    answer = request(
        Gateway(ROUTES, load=lambda _: app),
        "POST",
        "/media/upload",
        content=body(),
        headers={"x-long": "a" * 20_000},
    )

    assert (answer.status_code, len(answer.content), pieces[:11]) == (
        200,
        7 * 1024 * 1024,
        [1024 * 1024] * 11,
    )


def test_a_client_that_leaves_before_its_body_ends_causes_no_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        assert (await receive())["type"] == "http.disconnect"

    async def ask() -> None:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(_: Message) -> None:
            """The client has left."""

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/media",
            "raw_path": b"/media",
            "query_string": b"",
            "headers": [],
        }
        await Gateway(ROUTES, load=lambda _: app)(scope, receive, send)

    run(ask)

    assert capsys.readouterr().out.split()[:3] == ["GET", "/media", "499"]


def test_the_gateway_answers_for_a_function_that_takes_too_long_which_runs_on() -> None:
    finished: list[str] = []

    async def slow(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.sleep(0.2)
        finished.append("done")

    async def ask() -> httpx.Response:
        gateway = Gateway(ROUTES, load=lambda _: slow, limits=Limits(seconds=0.05))
        transport = httpx.ASGITransport(app=gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
            answer = await client.get("/media")
        for _ in range(100):
            if finished:
                break
            await asyncio.sleep(0.02)
        return answer

    answer = run(ask)

    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})
    assert finished == ["done"]


def test_a_function_that_fails_reveals_nothing_to_the_client() -> None:
    def broken(_: Scope, __: bytes) -> Message:
        raise RuntimeError("the password is hunter2")

    def missing(_: str) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        raise ModuleNotFoundError("No module named 'functions.list'")

    for gateway in (Gateway(ROUTES, load=lambda _: answering(broken)), Gateway(ROUTES, load=missing)):
        answer = request(gateway)

        assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_like_aws_an_answer_larger_than_lambda_sends_is_an_error() -> None:
    gateway = Gateway(
        ROUTES, load=lambda _: answering(lambda _, __: {"body": bytes(6 * 1024 * 1024 + 1)}), limits=Limits()
    )

    assert request(gateway).status_code == 500


def test_a_header_sent_twice_arrives_joined() -> None:
    gateway = Gateway(
        ROUTES, load=lambda _: answering(lambda scope, _: {"body": dict(scope["headers"])[b"x-a"]})
    )

    assert request(gateway, headers=[("x-a", "1"), ("x-a", "2")]).text == "1,2"


def test_the_access_log_has_no_query(capsys: pytest.CaptureFixture[str]) -> None:
    message: Message = {"status": 201, "body": b"", "headers": [(b"x-request-id", b"abc")]}
    gateway = Gateway(ROUTES, load=lambda _: answering(lambda _, __: message))

    request(gateway, path="/media/7?signature=secret")

    words = capsys.readouterr().out.split()
    assert [*words[:3], *words[4:]] == ["GET", "/media/7", "201", "ms", "abc"]
