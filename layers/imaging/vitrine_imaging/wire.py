"""Messages between the decoder and its child, over pipes: four bytes of length, then the body.

Neither pickle nor multiprocessing: an answer comes from a process that has read hostile bytes, so it is data to be checked,
never code; and Lambda has no semaphores for queues.
"""

import os
import select
import struct
import time
from typing import Final

READY: Final = b"ready"  # the child's first message
_LENGTH = struct.Struct(">I")


def write(fd: int, body: bytes) -> None:
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
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
        if until is not None and not _readable(fd, until):
            raise TimeoutError
        piece = os.read(fd, min(length - len(body), 1 << 20))
        if not piece:
            raise EOFError
        body += piece
    return bytes(body)


def _readable(fd: int, until: float) -> bool:
    poll = select.poll()  # not select(): a busy server has descriptors over 1024
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0.0, until - time.monotonic()) * 1000))
