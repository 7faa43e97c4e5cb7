"""A device without a browser that signs in. It sends the requests of the published command-line tool."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tests.given.isolation_cases import owner
from tests.given.tenants import http
from vitrine.accounts.devices import GRANT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

T = TypeVar("T")

CLIENT = "coreviz-cli"
SCOPE = "openid profile email"
HEADERS = {"user-agent": "better-auth", "accept": "application/json, text/plain, */*"}  # and no credential


def begin_login(client: str = CLIENT, **more: Any) -> httpx.Response:
    return http().post(
        "/api/auth/device/code", json={"client_id": client, "scope": SCOPE}, headers=HEADERS, **more
    )


def poll(device_code: str, *, client: str = CLIENT) -> httpx.Response:
    return http().post(
        "/api/auth/device/token",
        json={"client_id": client, "device_code": device_code, "grant_type": GRANT},
        headers=HEADERS,
    )


@dataclass(frozen=True, slots=True)
class Terminal:
    """A login of one terminal."""

    device_code: str
    user_code: str
    interval: int  # seconds

    @classmethod
    def begin(cls) -> Terminal:
        body = begin_login().json()
        return cls(body["device_code"], body["user_code"], body["interval"])

    def poll(self) -> httpx.Response:
        return poll(self.device_code)

    def wait(self, *, patience: float = 60) -> dict[str, Any]:
        """Poll until the login ends; return the session or the error.

        The first poll is sent after the interval. Each `slow_down` lengthens the interval by five seconds.
        """
        interval, until = self.interval, time.monotonic() + patience
        while time.monotonic() < until:
            time.sleep(interval)
            answer = self.poll()
            body: dict[str, Any] = answer.json()
            if answer.is_success:
                return body
            if body["error"] == "slow_down":
                interval += 5
            elif body["error"] != "authorization_pending":
                return body
        raise TimeoutError


def poll_concurrently(terminal: Terminal, requests: Sequence[Callable[[], T]]) -> list[T]:
    """Send the requests concurrently and return their answers.

    The login's row stays locked until several requests wait for it, so that they do race.
    """
    several = """
        select count(*) as n
          from pg_locks
         where locktype = 'tuple' and relation = 'device_codes'::regclass and not granted
        """
    with owner() as connection, ThreadPoolExecutor(len(requests)) as threads:
        connection.execute("select from device_codes where user_code = %s for update", [terminal.user_code])
        answers = [threads.submit(send) for send in requests]
        # seconds; a request waits no longer than that for a connection, and the waiting ones have them all
        until = time.monotonic() + 4
        while connection.execute(several).fetchone() == {"n": 0}:
            assert time.monotonic() < until
            time.sleep(0.02)
        connection.rollback()
        return [answer.result() for answer in answers]
