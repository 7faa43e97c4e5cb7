"""Minting and hashing of keys and tokens. What is minted is shown once; what is stored is its hash."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import time
import unicodedata
import uuid

API_KEY = re.compile(r"sk_(live|test)_[a-f0-9]{64}\Z")
KEY_PREFIX_LENGTH = 16


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
    """8 characters, 40 random bits, that a person types: none that looks like another. Guesses at them are counted."""
    return "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(8))


def fingerprint(credential: str) -> bytes:
    """SHA-256 of a credential: 32 bytes. Credentials are random, so no salt and no stretching."""
    return hashlib.sha256(credential.encode()).digest()


def hash_password(password: str) -> str:
    """argon2id in PHC form, which says its own parameters and salt. The password counts as its NFKC form: keyboards differ in how they compose."""
    from argon2 import PasswordHasher  # only where a password is set or tried: it brings a C library

    return PasswordHasher().hash(unicodedata.normalize("NFKC", password))


def mint_token() -> str:
    """22 characters that cannot be guessed: 128 random bits, for links that carry their own permission."""
    return secrets.token_urlsafe(16)


def mint_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): milliseconds first, so that new rows land at the end of their indexes."""
    milliseconds = time.time_ns() // 1_000_000
    bits = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=bits)
