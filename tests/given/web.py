"""A web server on an address of this machine, whose behaviour a test defines."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Behaviour = Callable[[socket.socket], None]

ADDRESS = "127.0.0.2"


class Web:
    """`pages` has the behaviour by path. `asked` lists the requests so far: path and Host header."""

    def __init__(self, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._listening, self._tls = listening, tls
        self.port: int = listening.getsockname()[1]
        self.pages: dict[str, Behaviour] = {}
        self.asked: list[tuple[str, str]] = []

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError):
            connection.settimeout(10)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    piece = connection.recv(4096)
                    if not piece:
                        return
                    request += piece
                path = request.split(b" ")[1].decode()
                host = next(
                    line.partition(b":")[2].strip().decode()
                    for line in request.split(b"\r\n")
                    if line.lower().startswith(b"host:")
                )
                self.asked.append((path, host))
                self.pages[path](connection)


@contextmanager
def web(*, tls: ssl.SSLContext | None = None) -> Generator[Web]:
    with socket.create_server((ADDRESS, 0)) as listening:
        serving = Web(listening, tls)
        thread = threading.Thread(target=serving.serve, daemon=True)
        thread.start()
        yield serving
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def response(body: bytes = b"", *headers: str, status: int = 200, length: int | None = None) -> Behaviour:
    """Return a behaviour that sends a whole answer. `length` is the declared one."""
    lines = [
        f"HTTP/1.1 {status} -",
        f"content-length: {len(body) if length is None else length}",
        *headers,
        "",
        "",
    ]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + body)


def redirect(to: str) -> Behaviour:
    return response(b"", f"location: {to}", status=302)
