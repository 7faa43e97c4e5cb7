"""Sessions of signed-in people: opened once somebody was recognized, by password or at another device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine.credentials import fingerprint, mint_id, mint_session_token
from vitrine.db import write
from vitrine.models import Nobody
from vitrine.queries import sessions as queries
from vitrine.settings import settings

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Session:
    """A session just opened: the only time its token is known."""

    id: UUID
    user_id: UUID
    token: str
    expires_at: datetime   # unless it is used before


def start(user_id: UUID, *, address: str, user_agent: str) -> Session:
    """The person is signed in, for `session_ttl` seconds after each use. Raises NotFound when there is no such person."""
    session_id, token = mint_id(), mint_session_token()
    opened = write(Nobody(), queries.put(session_id, user_id, fingerprint(token), settings().session_ttl, address, user_agent))[0]
    return Session(session_id, user_id, token, opened.expires_at)
