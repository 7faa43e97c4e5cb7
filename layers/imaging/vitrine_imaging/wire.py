"""Messages between the decoder and its child, over a pipe and a socket: four bytes of length, then the body.
The socket passes open files, too.

Neither pickle nor multiprocessing: an answer comes from a process that has read hostile bytes, so it is data
to be checked,
never code; and Lambda has no semaphores for queues.
"""

import os
import select
import socket
import struct
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

READY: Final = b"ready"  # the child's first message
_LENGTH = struct.Struct(">I")


def write(fd: int, body: bytes, *, until: float | None = None) -> None:
    """The message is on its way. With `until`, `fd` does not block, and TimeoutError is raised where the
    other side does not take it by then.
    """
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        if until is not None and not _ready(fd, select.POLLOUT, until):
            raise TimeoutError
        with suppress(BlockingIOError):
            rest = rest[os.write(fd, rest) :]


def read(fd: int, *, at_most: int, until: float | None = None) -> bytes:
    """The next message; waits for it until the monotonic clock shows `until`, or for ever.

    Raises TimeoutError; EOFError when the other side is gone; ValueError when it announces more than
    `at_most` bytes.
    """
    (length,) = _LENGTH.unpack(_exactly(fd, _LENGTH.size, until))
    if length > at_most:
        raise ValueError(f"a message of {length} bytes where at most {at_most} are expected")
    return _exactly(fd, length, until)


def give_file(fd: int, file: int, *, until: float) -> None:
    """Pass the open file with this descriptor over the Unix socket `fd`. Raises TimeoutError as `write`
    does.
    """
    if not _ready(fd, select.POLLOUT, until):
        raise TimeoutError
    with _socket(fd) as channel:
        socket.send_fds(channel, [b"\0"], [file])  # one byte, since nothing is passed without one


def take_file(fd: int) -> int:
    """Return a descriptor of the file that `give_file` passed; the caller closes it. Raises EOFError."""
    with _socket(fd) as channel:
        _, files, _, _ = socket.recv_fds(channel, 1, 1)
    if not files:
        raise EOFError
    return files[0]


@contextmanager
def _socket(fd: int) -> Generator[socket.socket]:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd)
    try:
        yield channel
    finally:
        channel.detach()


def _exactly(fd: int, length: int, until: float | None) -> bytes:
    body = bytearray()
    while len(body) < length:
        if until is not None and not _ready(fd, select.POLLIN, until):
            raise TimeoutError
        piece = os.read(fd, min(length - len(body), 1 << 20))
        if not piece:
            raise EOFError
        body += piece
    return bytes(body)


def _ready(fd: int, for_what: int, until: float) -> bool:
    poll = select.poll()  # not select(): a busy server has descriptors over 1024
    poll.register(fd, for_what)
    return bool(poll.poll(max(0.0, until - time.monotonic()) * 1000))
