"""The API Gateway of a laptop: an ASGI application that routes as an HTTP API does, from template.yaml.

    python -m local.server --port 8484
    python -m local.server --port 8484 --like-aws

Bodies stream into the functions, which enforce their own limits. With `--like-aws` the limits of API Gateway
and Lambda apply too: bodies of 10 MB, headers of 10 kB, 30 seconds, answers of 6 MB, and the gateway answers
what is over them.

Each function is imported at its first request (`functions.<name>.handler`, attribute `app`), so that a broken
one does not affect others.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import uvicorn

from local import CLONE
from local.template import Route, read
from vitrine.http import paths
from vitrine.process import hide

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html and Lambda's quota on payloads
BODY_BYTES = 10 * 1024 * 1024
HEADER_BYTES = 10_240  # request line and header values together
ANSWER_BYTES = 6 * 1024 * 1024
SECONDS = 30.0  # after which the gateway answers for a function
SECRET_VARIABLES = {"token"}  # of a path: left out of the access log


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of API Gateway and Lambda."""

    body: int = BODY_BYTES  # bytes
    seconds: float = SECONDS
    headers: int = HEADER_BYTES
    answer: int = ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class Match:
    route: Route
    variables: Mapping[str, str]  # decoded


class Router:
    """Chooses the route of a request as API Gateway does: by the `rank` of its path, then a method before
    ANY, and $default last.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        listed = list(routes)
        self._default = next((route for route in listed if route.path == "$default"), None)
        self._routes = sorted(
            (route for route in listed if route.path != "$default"),
            key=lambda route: (*paths.rank(route.path), route.method == "ANY"),
        )
        # (segments before a secret variable, the variable)
        self._secrets = [
            (segments[:place], segment)
            for segments in (route.path.split("/") for route in self._routes)
            for place, segment in enumerate(segments)
            if paths.variable(segment) in SECRET_VARIABLES
        ]

    def match(self, method: str, path: str) -> Match | None:
        for route in self._routes:
            if route.method in (method, "ANY") and (variables := paths.match(route.path, path)) is not None:
                return Match(route, variables)
        return Match(self._default, {}) if self._default else None

    def loggable(self, path: str) -> str:
        """Return the path without secrets, also for another method than the route's, and for a
        longer path.
        """
        segments = path.split("/")
        for before, variable in self._secrets:
            if len(segments) > len(before) and all(
                paths.variable(segment) or segment == sent
                for segment, sent in zip(before, segments, strict=False)
            ):
                segments[len(before) :] = [variable]
        return "/".join(segments)


class Gateway:
    """Routes requests to functions, which are ASGI applications, and answers in their place where API Gateway
    does.

    With `limits` a function gets the whole body at once and no disconnect, and it runs on when its time is
    over or its client has left, as in Lambda. Without them it reads the body as it comes in, and learns when
    its client leaves before the end of the body.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        load: Callable[[str], App] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._router = Router(routes)
        self._load = load or load_app
        self._limits = limits
        self._running: set[asyncio.Task[Answer]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.monotonic()
        match = self._router.match(scope["method"], scope["path"])
        answer = await (
            self._answer(scope, receive, match)
            if self._limits is None
            else self._limited(scope, receive, match, self._limits)
        )
        request_id = next(
            (v.decode("latin-1") for n, v in answer.headers if n.lower() == b"x-request-id"), "-"
        )
        milliseconds = (time.monotonic() - began) * 1000
        path = self._router.loggable(scope["path"])
        print(
            f"{scope['method']} {json.dumps(path)[1:-1]} {answer.status} {milliseconds:.0f} ms {request_id}",
            flush=True,
        )
        length = (
            []
            if any(n.lower() == b"content-length" for n, _ in answer.headers) or scope["method"] == "HEAD"
            else [(b"content-length", str(len(answer.body)).encode())]
        )
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, *length]}
        )
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: Scope, receive: Receive, match: Match | None) -> Answer:
        return (
            gateway_answer(404, "Not Found") if match is None else await self._invoke(scope, receive, match)
        )

    async def _limited(self, scope: Scope, receive: Receive, match: Match | None, limits: Limits) -> Answer:
        if (
            sum(len(v) for _, v in scope["headers"])
            + len(scope["raw_path"] or b"")
            + len(scope["query_string"])
            > limits.headers
        ):
            return gateway_answer(431, "Request Header Fields Too Large")
        body = await _body(scope, receive, limits.body)
        if body is None:
            return gateway_answer(413, "Request Entity Too Large")
        if match is None:
            return gateway_answer(404, "Not Found")
        task = asyncio.create_task(self._invoke(scope, _whole(body), match))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=limits.seconds)
        if not done:
            return gateway_answer(503, "Service Unavailable")
        answer = task.result()
        if len(answer.body) > limits.answer:
            print(
                f"{match.route.function} answered with {len(answer.body)} bytes: "
                "more than Lambda lets through",
                file=sys.stderr,
                flush=True,
            )
            return gateway_answer(500, "Internal Server Error")
        return answer

    async def _invoke(self, scope: Scope, receive: Receive, match: Match) -> Answer:
        try:
            app = await asyncio.to_thread(self._load, match.route.function)
            return await run(
                app,
                {**scope, "headers": _joined(scope["headers"]), "path_params": dict(match.variables)},
                receive,
            )
        except Exception:  # as Lambda does
            traceback.print_exc()
            return gateway_answer(500, "Internal Server Error")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def gateway_answer(status: int, message: str) -> Answer:
    """Return an answer of the gateway itself."""
    headers = [(b"content-type", b"application/json"), (b"apigw-requestid", uuid.uuid4().hex[:16].encode())]
    return Answer(status, headers, json.dumps({"message": message}, separators=(",", ":")).encode())


def _whole(body: bytes) -> Receive:
    """Return a `receive` with the whole body, of a client that never leaves."""
    received = False

    async def receive() -> Message:
        nonlocal received
        if received:
            await asyncio.Event().wait()  # Lambda never learns that a client has left
        received = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def run(app: App, scope: Scope, receive: Receive) -> Answer:
    """Return the whole answer of an application. It is empty where the client left before the end of its
    body, since nobody reads it. Raises RuntimeError when the application returns without an answer otherwise.
    """
    left = False
    start: Message = {}
    pieces: list[bytes] = []

    async def receive_noting_disconnect() -> Message:
        nonlocal left
        message = await receive()
        left = left or message["type"] == "http.disconnect"
        return message

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))

    await app(scope, receive_noting_disconnect, send)
    if "status" not in start:
        if left:
            return Answer(499, [], b"")  # as nginx logs a client that closed its request
        raise RuntimeError("the application returned without an answer")
    return Answer(
        start["status"], [(bytes(n), bytes(v)) for n, v in start.get("headers", [])], b"".join(pieces)
    )


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """Return the whole body; None when it is over the limit."""
    declared = next((v for n, v in scope["headers"] if n == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > limit:
        return None
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit:
            return None
        if not message.get("more_body"):
            return b"".join(pieces)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Join the values of a header that was sent several times: by commas, cookies by semicolons."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        separator = b"; " if name == b"cookie" else b","
        joined[name] = joined[name] + separator + value if name in joined else value
    return list(joined.items())


def load_app(function: str) -> App:
    app: App = importlib.import_module(f"functions.{function}.handler").app
    return app


def main() -> None:
    hide()  # the environment has the database's URL and the store's keys
    arguments = argparse.ArgumentParser(
        prog="python -m local.server", description="The API, from template.yaml, on 127.0.0.1."
    )
    arguments.add_argument("--port", type=int, default=8484)
    arguments.add_argument(
        "--like-aws", action="store_true", help="with the limits of API Gateway and Lambda"
    )
    parsed = arguments.parse_args()
    port: int = parsed.port
    gateway = Gateway(read(CLONE / "template.yaml").routes, limits=Limits() if parsed.like_aws else None)
    uvicorn.run(
        gateway,
        host="127.0.0.1",
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        # uvicorn would trust X-Forwarded-For from every process of this machine, though any client can write
        # it
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
