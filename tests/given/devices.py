"""A device without a browser that signs in: a terminal that sends what the published command-line tool
sends, word for word.
"""

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
    """A login of its own, and how it waits for it."""

    device_code: str
    user_code: str
    interval: int  # seconds

    @classmethod
    def begin(cls) -> Terminal:
        answered = begin_login().json()
        return cls(answered["device_code"], answered["user_code"], answered["interval"])

    def poll(self) -> httpx.Response:
        return poll(self.device_code)

    def wait(self, *, patience: float = 60) -> dict[str, Any]:
        """The session, or the words that ended the login: first after the interval, then as often, and
        less often where it is told so.
        """
        interval, until = self.interval, time.monotonic() + patience
        while time.monotonic() < until:
            time.sleep(interval)
            answer = self.poll()
            answered: dict[str, Any] = answer.json()
            if answer.is_success:
                return answered
            if answered["error"] == "slow_down":
                interval += 5
            elif answered["error"] != "authorization_pending":
                return answered
        raise TimeoutError


def poll_concurrently(terminal: Terminal, asks: Sequence[Callable[[], T]]) -> list[T]:
    """What each is answered. The login's row is held until several have come as far as they come without
    it, so that they do race.
    """
    several = "select count(*) as n from pg_locks where locktype = 'tuple' and relation = 'device_codes'::regclass and not granted"
    with owner() as connection, ThreadPoolExecutor(len(asks)) as threads:
        connection.execute("select from device_codes where user_code = %s for update", [terminal.user_code])
        answers = [threads.submit(ask) for ask in asks]
        # seconds: a request waits no longer for a connection, of which those that wait have all
        until = time.monotonic() + 4
        while connection.execute(several).fetchone() == {"n": 0}:
            assert time.monotonic() < until
            time.sleep(0.02)
        connection.rollback()
        return [answer.result() for answer in answers]
