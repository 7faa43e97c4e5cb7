"""Idempotency keys. They are reached through definer functions, since none of our roles is granted
the table.
"""

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
class RequestKey:
    """What identifies a request that may be sent again, and the digest by which it is compared."""

    user_id: UUID
    organization_id: UUID | None  # None: the request opens no organization
    route: str
    key: str  # the header
    request_hash: bytes  # SHA-256


@dataclass(frozen=True, slots=True)
class Claim:
    """The state of a key after an attempt to claim it."""

    state: Literal["mine", "answered", "running", "other"]
    claim: datetime | None  # identifies the claim for `finish`; None: the key is not `mine`
    answer: dict[str, Any] | None  # None: the key is not `answered`


def claim(key: RequestKey, *, lease: int, kept: int) -> Statement[Claim]:
    """Claim the key for `lease` seconds, unless it is in use. One row: `mine`, `answered` with its answer,
    `running` for a request in progress, or `other` for another request's key. Answers are kept for `kept`
    seconds.
    """
    return Statement(
        """
        select state, claim, answer
          from claim_request(%(user)s, %(organization)s::uuid, %(route)s, %(key)s, %(hash)s,
                             %(lease)s, %(kept)s)
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


def finish(key: RequestKey, claimed: datetime, answer: Mapping[str, Any] | None) -> Statement[object]:
    """Store the answer under the key; None frees the key. Nothing changes when the claim is no
    longer valid.
    """
    return Statement(
        """
        select finish_request(%(user)s, %(organization)s::uuid, %(route)s, %(key)s,
                              %(claim)s, %(answer)s::jsonb)
        """,
        nothing,
        user=key.user_id,
        organization=key.organization_id,
        route=key.route,
        key=key.key,
        claim=claimed,
        answer=None if answer is None else Jsonb(answer),
    )
