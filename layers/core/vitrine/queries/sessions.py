"""Sessions, reached through security definer functions because no runtime role is granted the table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vitrine.db import Statement
from vitrine.models.people import Account, SignedIn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class SessionRow:
    expires_at: datetime | None  # moved on by each use; None: no session was opened


@dataclass(frozen=True, slots=True)
class EndedSessions:
    count: int


def put(
    session: UUID, person: UUID, token_hash: bytes, life: int, address: str, user_agent: str
) -> Statement[SessionRow]:
    """Insert a session that expires `life` seconds after its last use."""
    return Statement(
        """
        select open_session(%(session)s, %(person)s, %(token_hash)s, %(life)s, %(address)s, %(user_agent)s)
                   as expires_at
        """,
        SessionRow,
        session=session,
        person=person,
        token_hash=token_hash,
        life=life,
        address=address,
        user_agent=user_agent,
    )


def put_by_password(
    session: UUID, person: UUID, known: str, token_hash: bytes, life: int, address: str, user_agent: str
) -> Statement[SessionRow]:
    """Insert a session if `known`, the hash that the password was verified against, is still the stored one.

    The session expires `life` seconds after its last use.
    """
    return Statement(
        """
        select open_session_by_password(%(session)s, %(person)s, %(known)s, %(token_hash)s, %(life)s,
                                        %(address)s, %(user_agent)s) as expires_at
        """,
        SessionRow,
        session=session,
        person=person,
        known=known,
        token_hash=token_hash,
        life=life,
        address=address,
        user_agent=user_agent,
    )


def current(token_hashes: Sequence[bytes]) -> Statement[SignedIn]:
    """The session of the first valid token, as one row, or no row. This is a use of the
    session: it sets `expires_at` to `life_seconds` from now."""
    return Statement(
        """
        select token_number, id, user_id, active_organization_id, ip_address, user_agent, created_at,
               expires_at, life_seconds, email, name, image, email_verified, person_created_at,
               person_updated_at
          from current_session(%(token_hashes)s::bytea[])
        """,
        _signed_in,
        token_hashes=list(token_hashes),
    )


def end(token_hashes: Sequence[bytes]) -> Statement[EndedSessions]:
    """Delete the sessions of these tokens and return how many there were."""
    return Statement(
        "select end_sessions(%(token_hashes)s::bytea[]) as count",
        EndedSessions,
        token_hashes=list(token_hashes),
    )


def end_others(person: UUID, kept: UUID | None) -> Statement[EndedSessions]:
    """Delete the person's sessions except `kept`, and their approved device codes that are not yet redeemed.

    Returns the number of sessions deleted.
    """
    return Statement(
        "select end_other_sessions(%(person)s, %(kept)s) as count",
        EndedSessions,
        person=person,
        kept=kept,
    )


def _signed_in(
    *,
    token_number: int,
    id: UUID,
    user_id: UUID,
    active_organization_id: UUID | None,
    ip_address: str | None,
    user_agent: str | None,
    created_at: datetime,
    expires_at: datetime,
    life_seconds: int,
    email: str,
    name: str,
    image: str | None,
    email_verified: bool,
    person_created_at: datetime,
    person_updated_at: datetime,
) -> SignedIn:
    account = Account(user_id, email, name, image, email_verified, person_created_at, person_updated_at)
    # Each use sets `expires_at` to `life_seconds` later, so this is the time of the last use.
    seen_at = expires_at - timedelta(seconds=life_seconds)
    return SignedIn(
        id,
        account,
        active_organization_id,
        ip_address,
        user_agent,
        created_at,
        seen_at,
        expires_at,
        life_seconds,
        token_number,
    )
