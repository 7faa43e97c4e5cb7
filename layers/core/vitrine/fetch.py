"""Other people's URLs, guarded: a name is resolved once, every address it has is judged, and the connection
goes to the address that was judged.

Each redirect is judged anew. Time is bounded as a whole, however slowly the other side speaks; what it says
is never unpacked.
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
MAX_ADDRESSES = 4  # of a name, that are tried
RESOLVE_SECONDS = 3.0
CONNECT_SECONDS = 10.0
CHUNK = 64 * 1024  # bytes
REDIRECTS = frozenset((301, 302, 303, 307, 308))


class Rejected(Exception):
    """What lies there is not fetched; why, in a sentence for who asked for it. Nothing is told of a
    network that nobody may look into.
    """


class NotPublic(Rejected):
    """The URL leads, or was led, to an address that is not for everybody."""


@dataclass(frozen=True, slots=True)
class _Place:
    scheme: str
    host: str  # a name in ASCII, or an address without brackets
    port: int
    target: str  # path and query
    url: str  # the whole, normalized


def resolve(name: str, port: int) -> list[str]:
    """The addresses of a name, in the order in which they should be tried; none where it has none, or
    nobody says so in time.
    """
    found: list[str] = []

    def ask() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(str(each[4][0]) for each in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))

    asking = threading.Thread(target=ask, daemon=True)  # the system's resolver knows no time limit of ours
    asking.start()
    asking.join(RESOLVE_SECONDS)
    return list(dict.fromkeys(found))


def check_public(url: str, *, resolve: Resolve = resolve) -> str:
    """Return the URL in its normalized form, which is the one to store. Raises NotPublic where it names an
    address that is not public, or a host name
    that has one; Refused where it cannot be fetched.

    A name that has no address passes: it may come to have one. Nothing is asked of whoever is there.
    """
    place = _place(url)
    _judge(place, _addresses(place, resolve))
    if len(place.url) > MAX_URL:
        raise Rejected(f"The URL has more than {MAX_URL} characters once it is percent-encoded")
    return place.url


class FetchedFile:
    """What lies at a URL, as it comes in."""

    def __init__(self, response: http.client.HTTPResponse, over: threading.Event) -> None:
        self._response, self._over = response, over
        self.length = response.length  # bytes, as the other side says; None: it does not

    def chunks(self) -> Iterator[bytes]:
        """All of it. Raises Refused where it breaks off, or the time is over."""
        received = 0
        while True:
            try:
                chunk = self._response.read(CHUNK)
            except (OSError, http.client.HTTPException, ValueError):
                raise _gone_wrong(self._over) from None
            if not chunk:
                break
            received += len(chunk)
            yield chunk
        if self._over.is_set() or (self.length is not None and received < self.length):
            raise _gone_wrong(self._over)


@contextmanager
def open_url(url: str, *, seconds: float, resolve: Resolve = resolve) -> Generator[FetchedFile]:
    """What lies at the URL, or where it leads on to. After so many seconds, whatever happens, there is no
    more. Raises Refused.
    """
    until = time.monotonic() + seconds
    for _ in range(MAX_REDIRECTS + 1):
        place = _place(url)
        with _asked(place, _judge(place, _addresses(place, resolve)), until) as (response, over):
            location = response.getheader("location") if response.status in REDIRECTS else None
            if location is not None:
                url = _led_on(url, location)
                continue
            if response.status != 200:
                raise Rejected(f"The address answered {response.status}")
            if response.getheader("content-encoding", "identity").strip().lower() not in ("", "identity"):
                raise Rejected("The address answered with a packed file, though it was asked for a plain one")
            yield FetchedFile(response, over)
            return
    raise Rejected(f"The address leads on and on: more than {MAX_REDIRECTS} redirects")


# Where a URL leads.


def _place(url: str) -> _Place:
    if contains_control(url):
        raise Rejected("The URL holds a control character")
    found = parse(url)
    if found is None or not found.host or found.port is None:
        raise Rejected("The URL is not one of http or https")
    if found.username is not None or found.password is not None:
        raise Rejected("The URL holds a user name or a password")
    target = (found.path or "/") + (f"?{found.query}" if found.query is not None else "")
    return _Place(found.scheme, found.host.strip("[]"), found.port, target, str(found))


def _led_on(url: str, location: str) -> str:
    """Return the URL that a redirect from `url` leads to. `location` is the header as `http.client` decodes
    it, which is always as Latin-1.

    A browser reads its bytes as UTF-8, and a backslash before the query as a slash.
    """
    with suppress(UnicodeDecodeError):
        location = location.encode("latin-1").decode()
    if contains_control(location.strip(" \t")):
        raise Rejected("The address leads on to no URL")
    location = re.sub(r"\A[^?#]*", lambda path: path[0].replace("\\", "/"), location.strip(" \t"))
    try:
        return urljoin(url, location)
    except ValueError:  # brackets that hold no address
        raise Rejected("The address leads on to no URL") from None


def _addresses(place: _Place, resolve: Resolve) -> list[str]:
    try:
        return [str(ip_address(place.host))]
    except ValueError:
        pass
    # RFC 6761, 6.3: loopback, which browsers know and not every resolver does
    if f".{place.host.removesuffix('.')}".endswith(".localhost"):
        return ["127.0.0.1"]
    return resolve(place.host, place.port)


def _judge(place: _Place, addresses: list[str]) -> list[str]:
    """The addresses. All must be public: of a name that has both kinds nobody knows which one is meant."""
    networks = _networks(settings().blocked_networks)
    if any(address in network for address in map(ip_address, addresses) for network in networks):
        raise NotPublic(f"{place.host} is not a public address")
    return addresses


@cache
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


# Asking.


class _Pinned(http.client.HTTPConnection):
    """Speaks to an address, and calls it by the name that it was found under."""

    def __init__(self, place: _Place, address: str, timeout: float) -> None:
        super().__init__(place.host, place.port, timeout=timeout)
        self._place, self._address = place, address
        self.default_port = 443 if place.scheme == "https" else 80  # what the Host header leaves out

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self._place.port), self.timeout)
        if self._place.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._place.host)


@contextmanager
def _asked(
    place: _Place, addresses: list[str], until: float
) -> Generator[tuple[http.client.HTTPResponse, threading.Event]]:
    connection = _connected(place, addresses, until)
    over = threading.Event()
    line = connection.sock  # the connection lets go of it once the answer has begun

    def cut() -> None:
        over.set()
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    # a time-out of the socket begins anew with every byte
    watch = threading.Timer(max(0.0, until - time.monotonic()), cut)
    watch.daemon = True
    watch.start()
    response: http.client.HTTPResponse | None = None
    try:
        try:
            connection.request(
                "GET",
                place.target,
                headers={
                    "user-agent": "Vitrine",
                    "accept": "image/*",
                    "accept-encoding": "identity",
                    "connection": "close",
                },
            )
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError):
            raise _gone_wrong(over) from None
        yield response, over
    finally:
        watch.cancel()
        if response is not None:
            response.close()
        connection.close()


def _connected(place: _Place, addresses: list[str], until: float) -> _Pinned:
    if not addresses:
        raise Rejected(f"{place.host} has no address")
    for address in addresses[:MAX_ADDRESSES]:
        left = until - time.monotonic()
        if left <= 0:
            raise Rejected("It took too long")
        connection = _Pinned(place, address, min(CONNECT_SECONDS, left))
        try:
            connection.connect()
        except (OSError, ValueError):
            connection.close()
            continue
        return connection
    raise Rejected(f"{place.host} does not answer, or not as itself")


def _gone_wrong(over: threading.Event) -> Rejected:
    return Rejected("It took too long" if over.is_set() else "The address broke off its answer")
