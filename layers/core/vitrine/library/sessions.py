"""Sessions of signed-in people: opened once somebody was recognized, by password or at another device."""

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
    """A session just opened: the only time its token is known."""

    id: UUID
    user_id: UUID
    token: str
    expires_at: datetime  # unless it is used before
    cookie_seconds: int | None  # how long a browser keeps it; None: until it is closed


def start(
    user_id: UUID, *, address: str, user_agent: str, remember: bool = True, known_hash: str | None = None
) -> Session:
    """The person is signed in, for `session_ttl` seconds after each use; for a day where nobody is to
    `remember` it.

    `known_hash` is what their password was verified against: raises InvalidCredentials when they have another one
    by now, whose change ends sessions and
    must end this one too. Raises NotFound when there is no such person.
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
    """The session of the first of these tokens that is good; asking for it is using it. None: nobody is
    signed in.
    """
    found = (
        write(Nobody(), queries.sessions.current([fingerprint(token) for token in tokens])) if tokens else []
    )
    return found[0] if found else None


def end(tokens: Sequence[str]) -> None:
    """No session of these tokens is open: the next request with one is refused."""
    if tokens:
        write(Nobody(), queries.sessions.end([fingerprint(token) for token in tokens]))
