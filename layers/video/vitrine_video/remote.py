"""The child's side of a video that lies elsewhere: a file whose pieces are asked of the parent, within
bounds.
"""

import io
from collections import deque
from collections.abc import Callable
from typing import Final

# bytes asked for at once: 1 MiB reads three times as much of a video for the same frames
BLOCK: Final = 256 * 1024
_KEPT: Final = 24  # blocks; a demuxer comes back to where it was


class TooMuch(OSError):
    """More would have to be read than may be."""


class Remote:
    """What FFmpeg reads a file by. Never gives more than is wanted: PyAV copies whatever comes."""

    def __init__(self, ask: Callable[[int, int], bytes], size: int, *, most_bytes: int) -> None:
        self._ask = ask
        self.size = size  # bytes
        self._at = 0
        self._kept = deque[tuple[int, bytes]](maxlen=_KEPT)
        self._left = most_bytes

    @property
    def left(self) -> int:
        """Bytes that may still be read."""
        return self._left

    def read(self, wanted: int) -> bytes:
        if wanted <= 0 or self._at >= self.size:
            return b""
        start, block = self._block()
        found = block[self._at - start : self._at - start + wanted]
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def _block(self) -> tuple[int, bytes]:
        for start, block in reversed(self._kept):
            if start <= self._at < start + len(block):
                return start, block
        size = min(BLOCK, self.size - self._at)
        if size > self._left:
            raise TooMuch
        self._left -= size
        found = self._at, self._ask(self._at, size)
        self._kept.append(found)
        return found
