"""Sessions: through definer functions, since no role of ours is granted the table."""

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
class Opened:
    expires_at: datetime | None  # unless it is used before; None: nothing was opened


@dataclass(frozen=True, slots=True)
class Ended:
    count: int


def put(
    session: UUID, person: UUID, token_hash: bytes, life: int, address: str, user_agent: str
) -> Statement[Opened]:
    """A session that lives `life` seconds after it was last used."""
    return Statement(
        "select open_session(%(session)s, %(person)s, %(token_hash)s, %(life)s, %(address)s, %(user_agent)s) as expires_at",
        Opened,
        session=session,
        person=person,
        token_hash=token_hash,
        life=life,
        address=address,
        user_agent=user_agent,
    )


def put_by_password(
    session: UUID, person: UUID, known: str, token_hash: bytes, life: int, address: str, user_agent: str
) -> Statement[Opened]:
    """The same, where the hash that a password was verified against is still theirs."""
    return Statement(
        "select open_session_by_password(%(session)s, %(person)s, %(known)s, %(token_hash)s, %(life)s, %(address)s, %(user_agent)s) as expires_at",
        Opened,
        session=session,
        person=person,
        known=known,
        token_hash=token_hash,
        life=life,
        address=address,
        user_agent=user_agent,
    )


def current(token_hashes: Sequence[bytes]) -> Statement[SignedIn]:
    """The session of the first of these tokens that is good; asking is using it."""
    return Statement(
        """
        select token_number, id, user_id, active_organization_id, ip_address, user_agent, created_at, expires_at, life_seconds,
               email, name, image, email_verified, person_created_at, person_updated_at
          from current_session(%(token_hashes)s::bytea[])
        """,
        _signed_in,
        token_hashes=list(token_hashes),
    )


def end(token_hashes: Sequence[bytes]) -> Statement[Ended]:
    return Statement(
        "select end_sessions(%(token_hashes)s::bytea[]) as count",
        Ended,
        token_hashes=list(token_hashes),
    )


def end_others(person: UUID, kept: UUID | None) -> Statement[Ended]:
    """All of this person's but the one kept, and the device codes that the person approved and nobody has
    redeemed.
    """
    return Statement(
        "select end_other_sessions(%(person)s, %(kept)s) as count",
        Ended,
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
