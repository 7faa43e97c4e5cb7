"""The child's file object for a video in the store, whose pieces it requests from the parent."""

import io
from collections import deque
from collections.abc import Callable
from typing import Final

from vitrine_video.models import BLOCK

_KEPT: Final = 24  # blocks kept in memory; a demuxer reads places again


class ReadLimitExceeded(OSError):
    """Reading on would exceed the limit on bytes."""


class Remote:
    """The file object from which FFmpeg reads. `read` never returns more than is wanted: PyAV copies whatever
    comes.
    """

    def __init__(self, request: Callable[[int, int], bytes], size: int, *, most_bytes: int) -> None:
        self._request = request
        self.size = size  # bytes
        self._at = 0
        self._kept = deque[tuple[int, bytes]](maxlen=_KEPT)
        self._left = most_bytes

    @property
    def left(self) -> int:
        """Bytes that may still be requested."""
        return self._left

    def read(self, wanted: int) -> bytes:
        if wanted <= 0 or self._at >= self.size:
            return b""
        start, block = self._block()
        piece = block[self._at - start : self._at - start + wanted]
        self._at += len(piece)
        return piece

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
            raise ReadLimitExceeded
        self._left -= size
        entry = self._at, self._request(self._at, size)
        self._kept.append(entry)
        return entry
