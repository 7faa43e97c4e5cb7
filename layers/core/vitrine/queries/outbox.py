"""The outbox: messages inserted by the transaction that causes them, and sent right after it or by a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    id: UUID
    organization_id: UUID
    queue: str
    body: dict[str, object]
    created_at: datetime


def insert(
    organization: UUID, message: UUID, queue: str, body: Mapping[str, object], event_key: str
) -> Statement[object]:
    """Insert a message, which will be sent at least once. Idempotent: a used event key adds nothing."""
    from psycopg.types.json import Jsonb

    return Statement(
        """
        insert into outbox (organization_id, id, queue, body, event_key)
        values (%(organization)s, %(id)s, %(queue)s, %(body)s, %(event_key)s)
        on conflict (organization_id, event_key) do nothing
        """,
        nothing,
        organization=organization,
        id=message,
        queue=queue,
        body=Jsonb(dict(body)),
        event_key=event_key,
    )


def unsent(after: tuple[datetime, UUID] | None, limit: int) -> Statement[OutboxMessage]:
    """Unsent messages after this place, oldest first. They belong to all organizations."""
    return Statement(
        """
        select id, organization_id, queue, body, created_at
          from outbox
         where sent_at is null
           and (created_at, id) > (%(created_at)s, %(id)s)
         order by created_at, id
         limit %(limit)s
        """,
        OutboxMessage,
        created_at=after[0] if after else datetime.min.replace(tzinfo=UTC),
        id=after[1] if after else UUID(int=0),
        limit=limit,
    )


def mark_sent(messages: Sequence[UUID]) -> Statement[object]:
    """Mark messages as sent."""
    return Statement(
        "update outbox set sent_at = now() where id = any(%(ids)s) returning id",
        dict,
        ids=list(messages),
    )
