"""Fetches URLs that users name, without reaching private networks: a host's name is resolved once, every
address it has is checked, and the connection goes to an address that was checked.

Each redirect is checked in the same way. The whole time is limited, however slowly the server answers, and
answers are never decompressed.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from vitrine.models.media import MAX_URL
from vitrine.settings import settings
from vitrine.urls import contains_control, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    Resolve = Callable[[str, int], list[str]]

MAX_REDIRECTS = 5
MAX_ADDRESSES = 4  # of a name, tried one after the other
RESOLVE_SECONDS = 3.0
CONNECT_SECONDS = 10.0
CHUNK = 64 * 1024  # bytes
REDIRECTS = frozenset((301, 302, 303, 307, 308))


class Rejected(Exception):
    """The URL is not fetched; why, in a sentence for the person who named it. The sentence reveals nothing
    about private networks.
    """


class NotPublic(Rejected):
    """The URL, or a redirect, leads to an address that is not public."""


class FetchedFile:
    """A file at a URL, read as it comes in."""

    def __init__(self, response: http.client.HTTPResponse, over: threading.Event) -> None:
        self._response, self._over = response, over
        self.length = response.length  # bytes, as the server declares; None: undeclared

    def chunks(self) -> Iterator[bytes]:
        """Yield the whole file. Raises Rejected where it breaks off, or the time is over."""
        received = 0
        while True:
            try:
                chunk = self._response.read(CHUNK)
            except (OSError, http.client.HTTPException, ValueError):
                raise _broken_off(self._over) from None
            if not chunk:
                break
            received += len(chunk)
            yield chunk
        if self._over.is_set() or (self.length is not None and received < self.length):
            raise _broken_off(self._over)


@dataclass(frozen=True, slots=True)
class _Target:
    """A parsed URL."""

    scheme: str
    host: str  # a name in ASCII, or an address without brackets
    port: int
    path: str  # with the query
    url: str  # the whole URL, normalized


def resolve(name: str, port: int) -> list[str]:
    """Return the addresses of a name, in the order in which to try them; none where it has none, or the
    resolver does not answer within RESOLVE_SECONDS.
    """
    addresses: list[str] = []

    def look_up() -> None:
        with suppress(OSError, UnicodeError):
            entries = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            addresses.extend(str(each[4][0]) for each in entries)

    looking_up = threading.Thread(target=look_up, daemon=True)  # the system's resolver takes no time-out
    looking_up.start()
    looking_up.join(RESOLVE_SECONDS)
    return list(dict.fromkeys(addresses))


def check_public(url: str, *, resolve: Resolve = resolve) -> str:
    """Return the URL in its normalized form, which is the one to store. Nothing is sent to its host.

    Raises NotPublic for an address that is not public or a host name that has one, Rejected for a URL that
    cannot be fetched. A name without an address passes: it may get one later.
    """
    target = _parse(url)
    _check_addresses(target, _addresses(target, resolve))
    if len(target.url) > MAX_URL:
        raise Rejected(f"The URL has more than {MAX_URL} characters once it is percent-encoded")
    return target.url


@contextmanager
def open_url(url: str, *, seconds: float, resolve: Resolve = resolve) -> Generator[FetchedFile]:
    """Request the URL and follow its redirects. After `seconds` the connection is closed. Raises Rejected."""
    until = time.monotonic() + seconds
    for _ in range(MAX_REDIRECTS + 1):
        target = _parse(url)
        addresses = _check_addresses(target, _addresses(target, resolve))
        with _requested(target, addresses, until) as (response, over):
            location = response.getheader("location") if response.status in REDIRECTS else None
            if location is not None:
                url = _redirected(url, location)
                continue
            if response.status != 200:
                raise Rejected(f"The address answered {response.status}")
            if response.getheader("content-encoding", "identity").strip().lower() not in ("", "identity"):
                raise Rejected("The address answered with a packed file, though it was asked for a plain one")
            yield FetchedFile(response, over)
            return
    raise Rejected(f"The address leads on and on: more than {MAX_REDIRECTS} redirects")


# The target of a URL.


def _parse(url: str) -> _Target:
    if contains_control(url):
        raise Rejected("The URL holds a control character")
    parsed = parse(url)
    if parsed is None or not parsed.host or parsed.port is None:
        raise Rejected("The URL is not one of http or https")
    if parsed.username is not None or parsed.password is not None:
        raise Rejected("The URL holds a user name or a password")
    path = (parsed.path or "/") + (f"?{parsed.query}" if parsed.query is not None else "")
    return _Target(parsed.scheme, parsed.host.strip("[]"), parsed.port, path, str(parsed))


def _redirected(url: str, location: str) -> str:
    """Return the URL that a redirect from `url` leads to. `location` is the header as `http.client` decodes
    it, which is always as Latin-1.

    As in a browser, its bytes are read as UTF-8, and a backslash before the query counts as a slash.
    """
    with suppress(UnicodeDecodeError):
        location = location.encode("latin-1").decode()
    if contains_control(location.strip(" \t")):
        raise Rejected("The address leads on to no URL")
    location = re.sub(r"\A[^?#]*", lambda path: path[0].replace("\\", "/"), location.strip(" \t"))
    try:
        return urljoin(url, location)
    except ValueError:  # brackets without an address
        raise Rejected("The address leads on to no URL") from None


def _addresses(target: _Target, resolve: Resolve) -> list[str]:
    try:
        return [str(ip_address(target.host))]
    except ValueError:
        pass
    # loopback by RFC 6761, 6.3, which browsers know and not every resolver does
    if f".{target.host.removesuffix('.')}".endswith(".localhost"):
        return ["127.0.0.1"]
    return resolve(target.host, target.port)


def _check_addresses(target: _Target, addresses: list[str]) -> list[str]:
    """Return the addresses, of which all must be public: where a name has addresses of both kinds, it cannot
    be known which one is meant. Raises NotPublic.
    """
    networks = _networks(settings().refused_networks)
    if any(address in network for address in map(ip_address, addresses) for network in networks):
        raise NotPublic(f"{target.host} is not a public address")
    return addresses


@cache
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


# The request.


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, with the name that the address was resolved from in Host header
    and TLS.
    """

    def __init__(self, target: _Target, address: str, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self._target, self._address = target, address
        self.default_port = 443 if target.scheme == "https" else 80  # left out of the Host header

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self._target.port), self.timeout)
        if self._target.scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._target.host)


@contextmanager
def _requested(
    target: _Target, addresses: list[str], until: float
) -> Generator[tuple[http.client.HTTPResponse, threading.Event]]:
    """Yield the response, and an event that is set once the time is over and the connection closed."""
    connection = _connected(target, addresses, until)
    over = threading.Event()
    sock = connection.sock  # the connection drops its reference once the answer has begun

    def cut() -> None:
        over.set()
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    # a timer, because a time-out of the socket begins again with every byte
    timer = threading.Timer(max(0.0, until - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    response: http.client.HTTPResponse | None = None
    try:
        try:
            connection.request(
                "GET",
                target.path,
                headers={
                    "user-agent": "Vitrine",
                    "accept": "image/*",
                    "accept-encoding": "identity",
                    "connection": "close",
                },
            )
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError):
            raise _broken_off(over) from None
        yield response, over
    finally:
        timer.cancel()
        if response is not None:
            response.close()
        connection.close()


def _connected(target: _Target, addresses: list[str], until: float) -> _Pinned:
    if not addresses:
        raise Rejected(f"{target.host} has no address")
    for address in addresses[:MAX_ADDRESSES]:
        left = until - time.monotonic()
        if left <= 0:
            raise Rejected("It took too long")
        connection = _Pinned(target, address, min(CONNECT_SECONDS, left))
        try:
            connection.connect()
        except (OSError, ValueError):
            connection.close()
            continue
        return connection
    raise Rejected(f"{target.host} does not answer, or not as itself")


def _broken_off(over: threading.Event) -> Rejected:
    return Rejected("It took too long" if over.is_set() else "The address broke off its answer")
