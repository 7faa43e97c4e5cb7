"""Messages between the decoder and its child, over pipes: four bytes of length, then the body.

Neither pickle nor multiprocessing: an answer comes from a process that has read hostile bytes, so it is data to be checked,
never code; and Lambda has no semaphores for queues.
"""

import os
import select
import struct
import time
from contextlib import suppress
from typing import Final

READY: Final = b"ready"  # the child's first message
_LENGTH = struct.Struct(">I")


def write(fd: int, body: bytes, *, until: float | None = None) -> None:
    """The message is on its way. With `until`, `fd` does not block, and TimeoutError is raised where the other side does not take it by then."""
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        if until is not None and not _ready(fd, select.POLLOUT, until):
            raise TimeoutError
        with suppress(BlockingIOError):
            rest = rest[os.write(fd, rest) :]


def read(fd: int, *, at_most: int, until: float | None = None) -> bytes:
    """The next message; waits for it until the monotonic clock shows `until`, or for ever.

    Raises TimeoutError; EOFError when the other side is gone; ValueError when it announces more than `at_most` bytes.
    """
    (length,) = _LENGTH.unpack(_exactly(fd, _LENGTH.size, until))
    if length > at_most:
        raise ValueError(f"a message of {length} bytes where at most {at_most} are expected")
    return _exactly(fd, length, until)


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
