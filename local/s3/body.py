"""Streamed request bodies: checked for their length, decoded from aws-chunked, written into a blob."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor

from local.s3.blobs import Writing
from local.s3.errors import S3Error

# bytes written by a thread at once: few thread switches, and at most two batches in memory
_BATCH = 1 << 20
_MAX_LINE = 16 << 10  # bytes of a chunk's header or of a trailer


async def write_all(chunks: AsyncIterator[bytes], into: Writing, threads: Executor) -> None:
    """Hash and write all chunks. A batch is written while the next one is received."""
    loop = asyncio.get_running_loop()
    batch: list[bytes] = []
    gathered = 0
    busy: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks:
            batch.append(chunk)
            gathered += len(chunk)
            if gathered >= _BATCH:
                if busy is not None:
                    await busy
                busy = loop.run_in_executor(threads, into.write, batch)
                batch, gathered = [], 0
        if busy is not None:
            await busy
        if batch:
            busy = loop.run_in_executor(threads, into.write, batch)
            await busy
    finally:
        if busy is not None and not busy.done():
            await asyncio.wait([busy])  # whoever discards the blob must not meet a thread still writing it


async def exactly(chunks: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    """Yield the chunks. Raises S3Error IncompleteBody unless together they have `length` bytes."""
    seen = 0
    async for chunk in chunks:
        seen += len(chunk)
        if seen > length:
            break
        if chunk:
            yield chunk
    if seen != length:
        raise S3Error("IncompleteBody")


class AwsChunked:
    """A body with `x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER`.

    `content` yields the decoded bytes; after it `trailers` is complete.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
    """

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.trailers: dict[str, str] = {}
        self._chunks = chunks
        self._buffer = bytearray()

    async def content(self) -> AsyncIterator[bytes]:
        while (left := _size(await self._line())) > 0:
            while left:
                if not self._buffer:
                    await self._more()
                piece = bytes(self._buffer[:left])
                del self._buffer[:left]
                left -= len(piece)
                yield piece
            if await self._line() != b"":
                raise S3Error("IncompleteBody")
        while line := await self._line():
            name, colon, value = line.partition(b":")
            if not colon or len(self.trailers) == 10:
                raise S3Error("MalformedTrailerError")
            self.trailers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()

    async def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _MAX_LINE:
                raise S3Error("InvalidRequest", "A chunk's header is too long")
            await self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    async def _more(self) -> None:
        async for chunk in self._chunks:
            if chunk:
                self._buffer += chunk
                return
        raise S3Error("IncompleteBody")


def _size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise S3Error("IncompleteBody") from None
