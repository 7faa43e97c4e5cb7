"""Sessions: through definer functions, since no role of ours is granted the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine.db import Statement

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Opened:
    expires_at: datetime   # unless it is used before


def put(session: UUID, person: UUID, token_hash: bytes, life: int, address: str, user_agent: str) -> Statement[Opened]:
    """A session that lives `life` seconds after it was last used."""
    return Statement(
        "select open_session(%(session)s, %(person)s, %(token_hash)s, %(life)s, %(address)s, %(user_agent)s) as expires_at",
        {"session": session, "person": person, "token_hash": token_hash, "life": life, "address": address, "user_agent": user_agent},
        Opened,
    )
