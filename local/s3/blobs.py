"""Blobs: files of bytes, written once under a unique name, never changed, and read in slices.

A blob is a part of an upload, or a whole object. It is in use once the catalogue has committed its name. A
blob that a crash left behind has no name in the catalogue, and is removed at the next start.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local.s3.checksums import Checksum, Digests

_sync_bytes: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


@dataclass(frozen=True)
class Blob:
    name: str
    size: int  # bytes


class Writing:
    """A blob being written. Ends with either `finish` or `discard`; `discard` after `finish` does nothing."""

    def __init__(self, file: Path, algorithms: Iterable[str], *, durable: bool) -> None:
        self.size = 0
        self.digests = Digests({"MD5", *algorithms})
        self._file = file
        self._durable = durable
        self._descriptor: int | None = os.open(
            file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )

    def write(self, chunks: Iterable[bytes]) -> None:
        assert self._descriptor is not None
        for chunk in chunks:
            self.digests.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(self._descriptor, view) :]
            self.size += len(chunk)

    def finish(self) -> Blob:
        """Sync the blob and its folder to disk. Its name may then be committed."""
        assert self._descriptor is not None
        if self._durable:
            _sync_bytes(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None
        if self._durable:
            sync_folder(self._file.parent)
        return Blob(self._file.name, self.size)

    def discard(self) -> None:
        """Remove the unfinished blob."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._file.unlink(missing_ok=True)

    def checksum(self, algorithm: str) -> Checksum:
        return self.digests.checksum(algorithm)

    @property
    def etag(self) -> str:
        return self.digests["MD5"].hex()


class Blobs:
    """The folder of blobs, spread over 256 folders by the first two letters of their names."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable
        for number in range(256):
            (folder / f"{number:02x}").mkdir(parents=True, exist_ok=True)
        if durable:
            sync_folder(folder)

    def create(self, algorithms: Iterable[str]) -> Writing:
        return Writing(self._file(secrets.token_hex(16)), algorithms, durable=self._durable)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._file(name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        for folder in self._folder.iterdir():
            yield from os.listdir(folder)

    def read(self, blobs: Iterable[Blob], start: int, length: int) -> Iterator[bytes]:
        """`length` bytes from `start` of the concatenated blobs, in chunks of at most 1 MiB."""
        for blob in blobs:
            if start >= blob.size:
                start -= blob.size
                continue
            if length == 0:
                return
            with self._file(blob.name).open("rb", buffering=0) as file:
                file.seek(start)
                left = min(length, blob.size - start)
                start, length = 0, length - left
                while left:
                    chunk = file.read(min(left, 1 << 20))
                    if not chunk:
                        raise OSError(f"blob {blob.name} is shorter than its size in the catalogue")
                    left -= len(chunk)
                    yield chunk

    def _file(self, name: str) -> Path:
        return self._folder / name[:2] / name


def sync_folder(folder: Path) -> None:
    """Sync the folder, so that its new names survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
