"""Running the server, as a process or in a thread of a test. It listens on 127.0.0.1 only."""

import contextlib
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn

from local.s3.app import application
from local.s3.settings import Settings


def serve(settings: Settings, port: int) -> None:
    """Serve until SIGINT or SIGTERM. Prints one line that ends in the URL when it is ready. Port 0: any free
    one.
    """
    with contextlib.suppress(KeyboardInterrupt), _listening(port) as listener:
        _server(settings, listener, lambda url: print(f"S3 ready at {url}", flush=True)).run(
            sockets=[listener]
        )


@contextmanager
def serving(settings: Settings, port: int = 0) -> Generator[str]:
    """Run the server in a thread within the block; yields its URL."""
    started = threading.Event()
    with _listening(port) as listener:
        server = _server(settings, listener, lambda _: started.set())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="s3")
        thread.start()
        try:
            while not started.wait(0.05):
                if not thread.is_alive():
                    raise RuntimeError("the S3 server did not start")
            yield _url(listener)
        finally:
            server.should_exit = True
            thread.join()


class _Announcing(uvicorn.Server):
    """A uvicorn server that calls `announce` when it is ready."""

    announce: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.announce()


def _server(settings: Settings, listener: socket.socket, announce: Callable[[str], None]) -> _Announcing:
    server = _Announcing(
        uvicorn.Config(
            application(settings),
            http="httptools",
            ws="none",
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,  # seconds; S3's clients keep their connections about as long
            timeout_graceful_shutdown=5,
        )
    )
    server.announce = lambda: announce(_url(listener))
    return server


@contextmanager
def _listening(port: int) -> Generator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        yield listener


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
