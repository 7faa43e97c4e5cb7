"""A TCP proxy that counts round trips: how often the client sent data after the server had answered."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

# Seconds by which each answer is delayed, so that data sent meanwhile belongs to the same trip.
LATENCY = 0.01


class Proxy:
    """Forwards every connection to one server. `trips` may be set back to 0 at any time.

    While `admits` is cleared, a new connection waits, and the server does not see it.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.trips = 0
        self.admits = threading.Event()
        self.admits.set()
        self.came = threading.Semaphore(0)  # once for each connection, before it is admitted
        self.dropped = threading.Semaphore(0)  # once for each connection that has ended
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.came.release()
            self.admits.wait()
            server = socket.create_connection(self._server)
            spoke_last = ["server"]
            threading.Thread(
                target=self._pump, args=(client, server, "client", spoke_last), daemon=True
            ).start()
            threading.Thread(
                target=self._pump, args=(server, client, "server", spoke_last), daemon=True
            ).start()

    def _pump(self, source: socket.socket, target: socket.socket, who: str, spoke_last: list[str]) -> None:
        try:
            while data := source.recv(1 << 16):
                if who == "server":
                    time.sleep(LATENCY)
                elif spoke_last[0] == "server":
                    self.trips += 1
                spoke_last[0] = who
                target.sendall(data)
        except OSError:
            pass
        finally:
            for each in (source, target):
                each.close()
            if who == "server":
                self.dropped.release()


@contextmanager
def counted(host: str, port: int) -> Generator[Proxy]:
    proxy = Proxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
