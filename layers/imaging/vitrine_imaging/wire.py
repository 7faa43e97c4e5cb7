"""Messages between the decoder and its child process: four bytes of length (big-endian), then the body.

Requests go through a Unix socket, which passes open files too; responses come back through a pipe. Neither
pickle nor multiprocessing is used. A response comes from a process that has read hostile bytes, so it is data
to be checked, never code; and Lambda has no semaphores, which multiprocessing's queues need.
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
    """Write a message. Returns once all of it was written.

    `until`: the monotonic clock's time at which TimeoutError is raised if the other side has not read it;
    `fd` must be non-blocking then. Without it, the call waits as long as it takes.
    """
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        if until is not None and not _ready(fd, select.POLLOUT, until):
            raise TimeoutError
        with suppress(BlockingIOError):
            rest = rest[os.write(fd, rest) :]


def read(fd: int, *, at_most: int, until: float | None = None) -> bytes:
    """Wait for the next message and return its body.

    Raises TimeoutError when the monotonic clock passes `until`; EOFError when the other side has closed its
    end; ValueError when the message's length is over `at_most` bytes.
    """
    (length,) = _LENGTH.unpack(_exactly(fd, _LENGTH.size, until))
    if length > at_most:
        raise ValueError(f"a message of {length} bytes where at most {at_most} are expected")
    return _exactly(fd, length, until)


def send_file(fd: int, file: int, *, until: float) -> None:
    """Pass the open file with the descriptor `file` over the Unix socket `fd`.

    Raises TimeoutError when the monotonic clock passes `until` first.
    """
    if not _ready(fd, select.POLLOUT, until):
        raise TimeoutError
    with _socket(fd) as channel:
        socket.send_fds(channel, [b"\0"], [file])  # one byte, since nothing is passed without one


def receive_file(fd: int) -> int:
    """Return a descriptor of the file that `send_file` passed; the caller closes it.

    Raises EOFError when no file comes.
    """
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


def _ready(fd: int, event: int, until: float) -> bool:
    poll = select.poll()  # not select(): a busy server has descriptors over 1024
    poll.register(fd, event)
    return bool(poll.poll(max(0.0, until - time.monotonic()) * 1000))
