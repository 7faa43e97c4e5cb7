"""Minting and hashing of keys, tokens and passwords. A minted secret is shown once; only its hash
is stored.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import threading
import time
import unicodedata
import uuid
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from vitrine.errors import ServiceUnavailable
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Generator

    from argon2 import PasswordHasher

API_KEY = re.compile(r"sk_(live|test)_[a-f0-9]{64}\Z")
KEY_PREFIX_LENGTH = 16

# The hash of 32 random bytes that were thrown away. It is verified where an account is missing or has no
# password, so that the answer takes as long as for a wrong password.
DUMMY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$TWqKjNLEnTyGFbWmZ8NGNw$QcKdLaSwbZ3aEKsxugdYwU3Rh893z7JJGPuCGMWkRKA"
)


def mint_api_key() -> str:
    """Return a new API key: `sk_live_` and 64 hexadecimal digits, 256 random bits."""
    return f"sk_live_{secrets.token_hex(32)}"


def mint_session_token() -> str:
    """Return a new token of a session, sent as Bearer or in a cookie: 43 characters, 256 random bits."""
    return secrets.token_urlsafe(32)


def mint_device_code() -> str:
    """Return a new code that a device polls with: 40 letters and digits, 238 random bits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40))


def mint_user_code() -> str:
    """Return a new code that a person types: 8 characters without look-alikes, 40 random bits. Guesses are
    rate limited.
    """
    return "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(8))


def fingerprint(credential: str) -> bytes:
    """Return the SHA-256 of a credential, 32 bytes. Credentials are random, so they need no salt and no
    stretching.
    """
    return hashlib.sha256(credential.encode()).digest()


def mint_token() -> str:
    """Return a new token for a link that carries its own permission: 22 characters, 128 random bits."""
    return secrets.token_urlsafe(16)


def mint_id() -> uuid.UUID:
    """Return a new UUID of version 7 (RFC 9562). It begins with the time in milliseconds, so that new rows
    are appended to their indexes. The standard library has uuid.uuid7 from Python 3.14 on.
    """
    milliseconds = time.time_ns() // 1_000_000
    bits = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=bits)


def hash_password(password: str) -> str:
    """Return the salted Argon2id hash of the password, as a PHC string. The password is normalized to NFKC
    first: keyboards compose accents, ligatures and wide letters differently.

    Raises ServiceUnavailable when too many passwords are hashed at the same time.
    """
    normalized = unicodedata.normalize("NFKC", password)
    with _hashing_slot():
        return _hasher().hash(normalized)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password matches the hash. A hash of None, for a missing account or one without a password,
    is False after the same work.

    Raises ServiceUnavailable when too many passwords are hashed at the same time.
    """
    from argon2.exceptions import VerifyMismatchError

    normalized = unicodedata.normalize("NFKC", password)
    try:
        with _hashing_slot():
            _hasher().verify(password_hash or DUMMY_HASH, normalized)
    except VerifyMismatchError:
        return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was computed with other parameters than today's."""
    return _hasher().check_needs_rehash(password_hash)


@cache
def _hasher() -> PasswordHasher:
    """Return a hasher with the second recommended option of RFC 9106: 64 MiB, 3 passes. The first one takes 2
    GiB, which no function of ours has.
    """
    # Imported here, so that only functions that sign people in load it at a cold start.
    from argon2 import PasswordHasher, profiles

    return PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


@contextmanager
def _hashing_slot() -> Generator[None]:
    """Wait for one of the `password_hashes` slots: the memory of hashes that are computed at the same time
    adds up. Raises ServiceUnavailable after `password_wait` seconds.
    """
    slots = _slots()
    if not slots.acquire(timeout=settings().password_wait):
        raise ServiceUnavailable(
            "Too many passwords are being checked at the same time; try again", retry_after=5
        )
    try:
        yield
    finally:
        slots.release()


# Several threads may call first, and functools.cache would create a semaphore for each.
_creating = threading.Lock()
_semaphores: list[threading.BoundedSemaphore] = []


def _slots() -> threading.BoundedSemaphore:
    with _creating:
        if not _semaphores:
            _semaphores.append(threading.BoundedSemaphore(max(1, settings().password_hashes)))
        return _semaphores[0]
