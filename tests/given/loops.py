"""ASGI apps and Lambda handlers, called from tests. Always in a thread of its own: event loops belong to
threads, Mangum leaves one in each
thread that first imports a handler, and `asyncio.run` throws away the one it finds.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the coroutine returns."""
    return aside(lambda: asyncio.run(work()))


def call(
    app: Any,
    method: str = "GET",
    path: str = "/",
    *,
    address: str = "127.0.0.1",
    origin: str = "http://api.test",
    **more: Any,
) -> httpx.Response:
    """An ASGI app's answer to one request, of a client at this address, to an API at this origin."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(address, 1234)), base_url=origin
        ) as client:
            return await client.request(method, path, **more)

    return run(ask)


def invoke(handler: Callable[[Any, Any], Any], event: object, context: object = None) -> dict[str, Any]:
    """A Lambda handler's answer to an event."""

    def work() -> dict[str, Any]:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        with closing(loop):
            answer: dict[str, Any] = handler(event, context)
            return answer

    return aside(work)


def aside(work: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
