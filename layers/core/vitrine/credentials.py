"""Minting and hashing of keys, tokens and passwords. What is minted is shown once; what is stored is its
hash.
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

# Of 32 random bytes that were thrown away: what is verified for who has no password, so that it takes as long
# as for who has one.
DUMMY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$TWqKjNLEnTyGFbWmZ8NGNw$QcKdLaSwbZ3aEKsxugdYwU3Rh893z7JJGPuCGMWkRKA"
)


def mint_api_key() -> str:
    """`sk_live_` and 64 hexadecimal digits: 256 random bits."""
    return f"sk_live_{secrets.token_hex(32)}"


def mint_session_token() -> str:
    """43 characters, 256 random bits: of a session, as Bearer or in a cookie."""
    return secrets.token_urlsafe(32)


def mint_device_code() -> str:
    """40 letters and digits, 238 random bits: what a device polls with."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40))


def mint_user_code() -> str:
    """8 characters, 40 random bits, that a person types: none that looks like another. Guesses at them
    are counted.
    """
    return "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(8))


def fingerprint(credential: str) -> bytes:
    """SHA-256 of a credential: 32 bytes. Credentials are random, so no salt and no stretching."""
    return hashlib.sha256(credential.encode()).digest()


def mint_token() -> str:
    """22 characters that cannot be guessed: 128 random bits, for links that carry their own permission."""
    return secrets.token_urlsafe(16)


def mint_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): milliseconds first, so that new rows land at the end of their
    indexes.
    """
    milliseconds = time.time_ns() // 1_000_000
    bits = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=bits)


def hash_password(password: str) -> str:
    """Argon2id in PHC form, salted. Of the password in Unicode's form NFKC: keyboards compose an accent, a
    ligature or a wide letter differently.

    Raises ServiceUnavailable when too many others are hashed at the same time.
    """
    normalized = unicodedata.normalize("NFKC", password)
    with _turn():
        return _hasher().hash(normalized)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether it is the password. One verification is made whatever is asked: None, for nobody or nobody's
    password, costs the same and is False.

    Raises ServiceUnavailable when too many others are hashed at the same time.
    """
    from argon2.exceptions import VerifyMismatchError

    normalized = unicodedata.normalize("NFKC", password)
    try:
        with _turn():
            _hasher().verify(password_hash or DUMMY_HASH, normalized)
    except VerifyMismatchError:
        return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with other parameters than today's."""
    return _hasher().check_needs_rehash(password_hash)


@cache
def _hasher() -> PasswordHasher:
    """RFC 9106's second choice: 64 MiB, 3 passes. Its first wants 2 GiB, which no function of ours has."""
    from argon2 import PasswordHasher, profiles  # only who signs in pays for the import

    return PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


@contextmanager
def _turn() -> Generator[None]:
    """One of the few password hashes that are computed at the same time, whose memory adds up. Raises
    ServiceUnavailable after `password_wait` seconds.
    """
    turns = _turns()
    if not turns.acquire(timeout=settings().password_wait):
        raise ServiceUnavailable(
            "Too many passwords are being checked at the same time; try again", retry_after=5
        )
    try:
        yield
    finally:
        turns.release()


_opening = threading.Lock()  # several threads may come first; functools.cache would make a semaphore for each
_semaphores: list[threading.BoundedSemaphore] = []


def _turns() -> threading.BoundedSemaphore:
    with _opening:
        if not _semaphores:
            _semaphores.append(threading.BoundedSemaphore(max(1, settings().password_hashes)))
        return _semaphores[0]
