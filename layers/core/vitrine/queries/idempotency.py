"""Requests that may be sent again: through definer functions, since no role of ours is granted the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from psycopg.types.json import Jsonb

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Key:
    """What a request is known by, and its SHA-256."""

    user_id: UUID
    organization_id: UUID | None  # None: made in no organization
    route: str
    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    state: Literal["mine", "answered", "running", "other"]
    claim: datetime | None  # of `mine`: what finish() takes
    answer: dict[str, Any] | None  # of `answered`


def claim(key: Key, *, lease: int, kept: int) -> Statement[Claim]:
    """Whether the request is to be done now. `lease` and `kept` in seconds."""
    return Statement(
        """
        select state, claim, answer
          from claim_request(%(user)s, %(organization)s::uuid, %(route)s, %(key)s, %(hash)s, %(lease)s, %(kept)s)
        """,
        Claim,
        user=key.user_id,
        organization=key.organization_id,
        route=key.route,
        key=key.key,
        hash=key.request_hash,
        lease=lease,
        kept=kept,
    )


def finish(key: Key, claimed: datetime, answer: Mapping[str, Any] | None) -> Statement[object]:
    """The answer is kept; None: the key is free again."""
    return Statement(
        "select finish_request(%(user)s, %(organization)s::uuid, %(route)s, %(key)s, %(claim)s, %(answer)s::jsonb)",
        nothing,
        user=key.user_id,
        organization=key.organization_id,
        route=key.route,
        key=key.key,
        claim=claimed,
        answer=None if answer is None else Jsonb(answer),
    )
