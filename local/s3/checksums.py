"""S3's checksums, computed while bytes stream, and the CRC of a whole object from the CRCs of its parts.

The only module that imports awscrt, which has no type stubs.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, cast

from awscrt import checksums as crt

# Algorithms whose checksum of a whole multipart object S3 stores; CRC64NVME is the default.
FULL_OBJECT = ("CRC64NVME", "CRC32C", "CRC32")
DEFAULT = "CRC64NVME"


class Digest(Protocol):
    """The methods of hashlib's objects that are used here."""

    def update(self, chunk: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True)
class _Crc:
    width: int  # bytes
    extend: Callable[[bytes, int], int]
    combine: Callable[[int, int, int], int]  # (of the first, of the second, length of the second in bytes)


_CRCS: Mapping[str, _Crc] = {
    "CRC32": _Crc(
        4,
        cast(Callable[[bytes, int], int], crt.crc32),
        cast(Callable[[int, int, int], int], crt.combine_crc32),
    ),
    "CRC32C": _Crc(
        4,
        cast(Callable[[bytes, int], int], crt.crc32c),
        cast(Callable[[int, int, int], int], crt.combine_crc32c),
    ),
    "CRC64NVME": _Crc(
        8,
        cast(Callable[[bytes, int], int], crt.crc64nvme),
        cast(Callable[[int, int, int], int], crt.combine_crc64nvme),
    ),
}


class _Running:
    def __init__(self, crc: _Crc) -> None:
        self._crc = crc
        self._value = 0

    def update(self, chunk: bytes, /) -> None:
        self._value = self._crc.extend(chunk, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._crc.width, "big")


_STARTS: Mapping[str, Callable[[], Digest]] = {
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "CRC32": lambda: _Running(_CRCS["CRC32"]),
    "CRC32C": lambda: _Running(_CRCS["CRC32C"]),
    "CRC64NVME": lambda: _Running(_CRCS["CRC64NVME"]),
}

# Algorithms of x-amz-checksum-*. MD5 is sent as the ETag and in Content-MD5.
OFFERED = tuple(name for name in _STARTS if name != "MD5")


@dataclass(frozen=True)
class Checksum:
    """A checksum in S3's format."""

    algorithm: str
    value: str  # base64

    @property
    def header(self) -> str:
        return f"x-amz-checksum-{self.algorithm.lower()}"


class Digests:
    """Several checksums over one stream of bytes."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._running = {name: _STARTS[name]() for name in algorithms}

    def update(self, chunk: bytes) -> None:
        for running in self._running.values():
            running.update(chunk)

    def __getitem__(self, algorithm: str) -> bytes:
        return self._running[algorithm].digest()

    def checksum(self, algorithm: str) -> Checksum:
        return Checksum(algorithm, base64.b64encode(self[algorithm]).decode())


def is_well_formed(checksum: Checksum) -> bool:
    """Whether the value is base64 of the length of its algorithm."""
    return decode(checksum.value, len(_STARTS[checksum.algorithm]().digest())) is not None


def decode(value: str, width: int) -> bytes | None:
    """Decode base64 text; None when it is not base64 of exactly `width` bytes."""
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == width else None


def combine(algorithm: str, parts: Iterable[tuple[str, int]]) -> Checksum:
    """The checksum of the concatenated parts, from each part's base64 value and length in bytes."""
    crc = _CRCS[algorithm]
    numbers = ((int.from_bytes(base64.b64decode(value), "big"), size) for value, size in parts)
    whole, _ = reduce(lambda first, second: (crc.combine(first[0], second[0], second[1]), 0), numbers, (0, 0))
    return Checksum(algorithm, base64.b64encode(whole.to_bytes(crc.width, "big")).decode())
