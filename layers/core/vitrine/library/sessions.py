"""Sessions of signed-in people: opened after authentication by password or at another device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.credentials import fingerprint, mint_id, mint_session_token
from vitrine.db import write
from vitrine.errors import InvalidCredentials
from vitrine.models.people import UNREMEMBERED, Nobody
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.people import SignedIn


@dataclass(frozen=True, slots=True)
class Session:
    """A new session. Its token is known only here."""

    id: UUID
    user_id: UUID
    token: str
    expires_at: datetime  # moved on by each use
    cookie_seconds: int | None  # how long a browser keeps the cookie; None: until the browser is closed


def start(
    user_id: UUID, *, address: str, user_agent: str, remember: bool = True, known_hash: str | None = None
) -> Session:
    """Open a session that expires `session_ttl` seconds after its last use; after a day without `remember`.

    `known_hash` is the hash that the person's password was verified against. Raises InvalidCredentials when
    the stored hash is another one by now: a change of password ends sessions, and must prevent this one too.
    Raises NotFound when there is no such person.
    """
    session_id, token = mint_id(), mint_session_token()
    life = settings().session_ttl if remember else min(UNREMEMBERED, settings().session_ttl)
    put = (
        queries.sessions.put(session_id, user_id, fingerprint(token), life, address, user_agent)
        if known_hash is None
        else queries.sessions.put_by_password(
            session_id, user_id, known_hash, fingerprint(token), life, address, user_agent
        )
    )
    opened = write(Nobody(), put)[0]
    if opened.expires_at is None:
        raise InvalidCredentials
    return Session(session_id, user_id, token, opened.expires_at, life if remember else None)


def current(tokens: Sequence[str]) -> SignedIn | None:
    """The session of the first valid token, whose expiry this use moves on. None: no token is valid."""
    if not tokens:
        return None
    valid = write(Nobody(), queries.sessions.current([fingerprint(token) for token in tokens]))
    return valid[0] if valid else None


def end(tokens: Sequence[str]) -> None:
    """End the sessions of these tokens: the next request with one is unauthorized."""
    if tokens:
        write(Nobody(), queries.sessions.end([fingerprint(token) for token in tokens]))
