"""send_outbox: sends the messages of the outbox that were not sent right after their commit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg

from vitrine.credentials import mint_id
from vitrine.db import write
from vitrine.library import outbox
from vitrine.library.outbox import STORED_QUEUE, stored_event
from vitrine.queries import outbox as messages
from vitrine.settings import settings

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def waiting(tenant: Tenant) -> list[UUID]:
    with psycopg.connect(settings().worker_database_url) as connection:
        rows = connection.execute(
            "select id from outbox where organization_id = %s and sent_at is null order by id", [tenant.id]
        ).fetchall()
    return [row[0] for row in rows]


def put(tenant: Tenant, queue: str) -> UUID:
    message = mint_id()
    write(
        tenant.owner,
        messages.insert(
            tenant.id, message, queue, stored_event(f"incoming/{uuid4().hex}"), f"test:{message}"
        ),
    )
    return message


def send_all(*, dry_run: bool, limit: int = 2) -> dict[str, str]:
    """Run all batches, and return what became of each message."""
    done: dict[str, str] = {}
    after: str | None = None
    while True:
        batch = outbox.send(NOW, after, limit, dry_run=dry_run)
        done |= {each.item: each.deed for each in batch.done}
        after = batch.cursor
        if after is None:
            return done


def test_waiting_messages_are_sent_and_one_without_a_queue_blocks_no_other(tenant: Tenant) -> None:
    lost = [put(tenant, "no such queue") for _ in range(3)]
    good = [put(tenant, STORED_QUEUE) for _ in range(5)]

    dry = send_all(dry_run=True)
    still = waiting(tenant)
    done = send_all(dry_run=False)

    assert {dry[message.hex] for message in lost + good} == {"would be sent"}
    assert still == sorted(lost + good)
    assert {done[message.hex] for message in lost} == {"not taken"}
    # The schedule of this stack may have sent it first.
    assert {done.get(message.hex, "sent") for message in good} == {"sent"}
    assert waiting(tenant) == sorted(lost)
