"""A device without a browser that signs in: a terminal that sends what the published command-line tool sends, word for word."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.tenants import http
from vitrine.dialects.devices import GRANT

if TYPE_CHECKING:
    import httpx

CLIENT = "coreviz-cli"
SCOPE = "openid profile email"
HEADERS = {"user-agent": "better-auth", "accept": "application/json, text/plain, */*"}   # and no credential


def begin_login(client: str = CLIENT, **more: Any) -> httpx.Response:
    return http().post("/api/auth/device/code", json={"client_id": client, "scope": SCOPE}, headers=HEADERS, **more)


def poll(device_code: str, *, client: str = CLIENT) -> httpx.Response:
    return http().post(
        "/api/auth/device/token", json={"client_id": client, "device_code": device_code, "grant_type": GRANT}, headers=HEADERS,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terminal:
    """A login of its own, and how it waits for it."""

    device_code: str
    user_code: str
    interval: int   # seconds

    @classmethod
    def begin(cls) -> Terminal:
        said = begin_login().json()
        return cls(said["device_code"], said["user_code"], said["interval"])

    def poll(self) -> httpx.Response:
        return poll(self.device_code)

    def wait(self, *, patience: float = 60) -> dict[str, Any]:
        """The session, or the words that ended the login: first after the interval, then as often, and less often where it is told so."""
        interval, until = self.interval, time.monotonic() + patience
        while time.monotonic() < until:
            time.sleep(interval)
            answer = self.poll()
            said: dict[str, Any] = answer.json()
            if answer.is_success:
                return said
            if said["error"] == "slow_down":
                interval += 5
            elif said["error"] != "authorization_pending":
                return said
        raise TimeoutError
