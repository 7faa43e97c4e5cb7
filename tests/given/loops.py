"""Call ASGI apps and Lambda handlers from tests, always in a new thread.

Event loops belong to threads: Mangum leaves one in each thread that first imports a handler, and
`asyncio.run` discards the one that it finds.
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
    """Return the coroutine's result."""
    return run_in_thread(lambda: asyncio.run(work()))


def call(
    app: Any,
    method: str = "GET",
    path: str = "/",
    *,
    address: str = "127.0.0.1",
    origin: str = "http://api.test",
    **more: Any,
) -> httpx.Response:
    """Return an ASGI app's answer to one request of a client at this address, to an API at this origin."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(address, 1234)), base_url=origin
        ) as client:
            return await client.request(method, path, **more)

    return run(ask)


def invoke(handler: Callable[[Any, Any], Any], event: object, context: object = None) -> dict[str, Any]:
    """Return a Lambda handler's answer to an event."""

    def work() -> dict[str, Any]:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        with closing(loop):
            answer: dict[str, Any] = handler(event, context)
            return answer

    return run_in_thread(work)


def run_in_thread(work: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
