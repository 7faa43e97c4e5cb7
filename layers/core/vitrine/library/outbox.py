"""Messages that were written with what causes them, and wait to be sent: what the sender right after the commit left, for a job."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queues
from vitrine.db import read, write
from vitrine.library.sweep import STORED_QUEUE
from vitrine.models import Batch, Done, Worker
from vitrine.queries import outbox
from vitrine.settings import settings

if TYPE_CHECKING:
    from vitrine.queries.outbox import Message


def send(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - a step of a job
    """The waiting messages have been sent, each at least once. One that its queue does not take waits for the next run."""
    found = read(Worker(), outbox.unsent(_place(after), limit))
    cursor = f"{found[-1].created_at.isoformat()}|{found[-1].id.hex}" if len(found) == limit else None
    if dry_run:
        return Batch(tuple(Done("would be sent", message.id.hex) for message in found), cursor)

    addresses = {STORED_QUEUE: settings().upload_stored_queue_url}
    done: list[Done] = []
    for queue in sorted({message.queue for message in found}):
        waiting = [message for message in found if message.queue == queue]
        taken = _send(addresses.get(queue, ""), waiting)
        if taken:
            write(Worker(), outbox.sent([message.id for message in taken]))
        sent = {message.id for message in taken}
        done += [Done("sent" if message.id in sent else "not taken", message.id.hex) for message in waiting]
    return Batch(tuple(done), cursor)


def _send(address: str, messages: list[Message]) -> list[Message]:
    """Those that the queue took; none where nobody says where it is."""
    if not address:
        return []
    return [messages[place] for place in queues.send_batch(address, [json.dumps(message.body) for message in messages])]


def _place(after: str | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    at, _, message = after.partition("|")
    return datetime.fromisoformat(at), UUID(message)
