"""The laptop's API Gateway: an ASGI application that routes as an HTTP API does, from template.yaml.

    python -m local.server --port 8484
    python -m local.server --port 8484 --like-aws

Bodies stream into the functions, which report the limits of this place themselves. With `--like-aws` the
limits of API Gateway and Lambda apply as
well: whole bodies of 10 MB, headers of 10 kB, 30 seconds, answers of 6 MB, and the gateway's own answers to
what is over them.

Each function is imported at its first request (`functions.<name>.handler`, attribute `app`), so that a broken
one hurts nobody else.
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
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn

from local import CLONE
from local.template import Route, read
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
SECONDS = 30.0  # that a function may take before the gateway answers for it
SECRET_VARIABLES = {"token"}  # of a path: not for the access log


@dataclass(frozen=True, slots=True)
class Limits:
    """What API Gateway and Lambda take."""

    body: int = BODY_BYTES  # bytes
    seconds: float = SECONDS
    headers: int = HEADER_BYTES
    answer: int = ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class Match:
    route: Route
    variables: Mapping[str, str]  # decoded


class Router:
    """The most specific route of a method and path, as the gateway chooses it.

    A full match goes before a greedy one; then, from left to right, a fixed segment before a variable one;
    then the method before ANY;
    $default last. A path is decoded before it is matched (%2F separates too), and a slash at its end counts.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        listed = list(routes)
        self._default = next((r for r in listed if r.path == "$default"), None)
        self._routes = sorted(
            ((r, r.path.split("/")) for r in listed if r.path != "$default"), key=lambda pair: _rank(*pair)
        )
        self._secrets = [
            (p[:place], part)
            for _, p in self._routes
            for place, part in enumerate(p)
            if _name(part) in SECRET_VARIABLES
        ]

    def match(self, method: str, path: str) -> Match | None:
        segments = path.split("/")
        for route, pattern in self._routes:
            if route.method in (method, "ANY") and (variables := _variables(pattern, segments)) is not None:
                return Match(route, variables)
        return Match(self._default, {}) if self._default else None

    def shown(self, path: str) -> str:
        """The path for a log, secrets left out: also where another method is asked for, or something
        stands behind them.
        """
        segments = path.split("/")
        for before, variable in self._secrets:
            if len(segments) > len(before) and all(
                part.startswith("{") or part == given for part, given in zip(before, segments, strict=False)
            ):
                segments[len(before) :] = [variable]
        return "/".join(segments)


def _name(segment: str) -> str:
    return segment.strip("{}+") if segment.startswith("{") else ""


def _rank(route: Route, pattern: Sequence[str]) -> tuple[bool, list[int], bool]:
    kinds = [2 if s.endswith("+}") else 1 if s.startswith("{") else 0 for s in pattern]
    return 2 in kinds, kinds, route.method == "ANY"


def _variables(pattern: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    greedy = pattern[-1].endswith("+}")
    if len(segments) < len(pattern) or (len(segments) > len(pattern) and not greedy):
        return None
    found: dict[str, str] = {}
    for place, wanted in enumerate(pattern):
        given = "/".join(segments[place:]) if wanted.endswith("+}") else segments[place]
        if not wanted.startswith("{"):
            if given != wanted:
                return None
        elif not given:
            return None
        else:
            found[_name(wanted)] = given
    return found


class Gateway:
    """Routes requests to functions, as ASGI applications, and answers for them what the gateway answers for
    Lambda.

    With `limits` a function sees a whole body and a client that never goes away; it runs on when its time is
    up or its client has left, as in
    Lambda. Without them it reads the body as it comes in, and learns that its client left before the end of
    it.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        load: Callable[[str], App] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._router = Router(routes)
        self._load = load or imported
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
        path = self._router.shown(scope["path"])
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
        return said(404, "Not Found") if match is None else await self._invoke(scope, receive, match)

    async def _limited(self, scope: Scope, receive: Receive, match: Match | None, limits: Limits) -> Answer:
        if (
            sum(len(v) for _, v in scope["headers"])
            + len(scope["raw_path"] or b"")
            + len(scope["query_string"])
            > limits.headers
        ):
            return said(431, "Request Header Fields Too Large")
        body = await _body(scope, receive, limits.body)
        if body is None:
            return said(413, "Request Entity Too Large")
        if match is None:
            return said(404, "Not Found")
        task = asyncio.create_task(self._invoke(scope, _whole(body), match))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=limits.seconds)
        if not done:
            return said(503, "Service Unavailable")
        answer = task.result()
        if len(answer.body) > limits.answer:
            print(
                f"{match.route.function} answered with {len(answer.body)} bytes: more than Lambda lets through",
                file=sys.stderr,
                flush=True,
            )
            return said(500, "Internal Server Error")
        return answer

    async def _invoke(self, scope: Scope, receive: Receive, match: Match) -> Answer:
        try:
            app = await asyncio.to_thread(self._load, match.route.function)
            return await run(
                app,
                {**scope, "headers": _joined(scope["headers"]), "path_params": dict(match.variables)},
                receive,
            )
        except Exception:  # as Lambda does, whatever it was
            traceback.print_exc()
            return said(500, "Internal Server Error")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def said(status: int, message: str) -> Answer:
    """The gateway's own answer."""
    headers = [(b"content-type", b"application/json"), (b"apigw-requestid", uuid.uuid4().hex[:16].encode())]
    return Answer(status, headers, json.dumps({"message": message}, separators=(",", ":")).encode())


def _whole(body: bytes) -> Receive:
    """A body that is there at once, of a client that stays."""
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()  # Lambda hears nothing of a client that leaves
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def run(app: App, scope: Scope, receive: Receive) -> Answer:
    """The whole answer of an application; an empty one, which nobody reads, where its client left before it
    had sent all. Raises RuntimeError when
    it gives none otherwise.
    """
    left = False
    start: Message = {}
    pieces: list[bytes] = []

    async def hear() -> Message:
        nonlocal left
        message = await receive()
        left = left or message["type"] == "http.disconnect"
        return message

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))

    await app(scope, hear, send)
    if "status" not in start:
        if left:
            return Answer(499, [], b"")  # as nginx logs a client that closed its request
        raise RuntimeError("the application returned without an answer")
    return Answer(
        start["status"], [(bytes(n), bytes(v)) for n, v in start.get("headers", [])], b"".join(pieces)
    )


async def _body(scope: Scope, receive: Receive, most: int) -> bytes | None:
    """None when it is larger."""
    declared = next((v for n, v in scope["headers"] if n == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > most:
        return None
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > most:
            return None
        if not message.get("more_body"):
            return b"".join(pieces)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """A header that was sent twice arrives once, its values joined by commas (cookies as cookies are)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + (b"; " if name == b"cookie" else b",") + value if name in found else value
    return list(found.items())


def imported(function: str) -> App:
    app: App = importlib.import_module(f"functions.{function}.handler").app
    return app


def main() -> None:
    hide()  # the database's URL and the store's keys
    arguments = argparse.ArgumentParser(
        prog="python -m local.server", description="The API, from template.yaml, on 127.0.0.1."
    )
    arguments.add_argument("--port", type=int, default=8484)
    arguments.add_argument(
        "--like-aws", action="store_true", help="with the limits of API Gateway and Lambda"
    )
    chosen = arguments.parse_args()
    port: int = chosen.port
    gateway = Gateway(read(CLONE / "template.yaml").routes, limits=Limits() if chosen.like_aws else None)
    uvicorn.run(
        gateway,
        host="127.0.0.1",
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        # it would believe X-Forwarded-For of whatever runs on this machine: what a client can write says
        # nothing about it
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
