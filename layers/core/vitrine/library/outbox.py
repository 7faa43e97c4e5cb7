"""Messages that were written with what causes them, and wait to be sent: what the sender right after the
commit left, for a job.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries, queues
from vitrine.db import read, write
from vitrine.library.sweep import STORED_QUEUE
from vitrine.models.jobs import Batch, Done
from vitrine.models.people import Worker
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vitrine.models.people import Caller
    from vitrine.queries.outbox import Message

IMPORT_QUEUE = "import_requested"


def send(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - each step of a job takes these arguments
    """The waiting messages have been sent, each at least once. One that its queue does not take waits for
    the next run.
    """
    found = read(Worker(), queries.outbox.unsent(_place(after), limit))
    cursor = f"{found[-1].created_at.isoformat()}|{found[-1].id.hex}" if len(found) == limit else None
    if dry_run:
        return Batch(tuple(Done("would be sent", message.id.hex) for message in found), cursor)

    done: list[Done] = []
    for queue in sorted({message.queue for message in found}):
        waiting = [message for message in found if message.queue == queue]
        taken = _send(_address(queue), waiting)
        if taken:
            write(Worker(), queries.outbox.sent([message.id for message in taken]))
        sent = {message.id for message in taken}
        done += [Done("sent" if message.id in sent else "not taken", message.id.hex) for message in waiting]
    return Batch(tuple(done), cursor)


def send_now(who: Caller, message: UUID, queue: str, body: Mapping[str, object]) -> None:
    """The message, committed just now, is sent, or left to the job."""
    address = _address(queue)
    if not address:
        return
    with suppress(Exception):  # whatever the queue has, the request is done: the job comes in a minute
        if queues.send_batch(address, [json.dumps(dict(body))]):
            write(who, queries.outbox.sent([message]))


def _address(queue: str) -> str:
    chosen = settings()
    return {
        STORED_QUEUE: chosen.upload_stored_queue_url,
        IMPORT_QUEUE: chosen.import_requested_queue_url,
    }.get(queue, "")


def _send(address: str, messages: list[Message]) -> list[Message]:
    """Those that the queue took; none where nobody says where it is."""
    if not address:
        return []
    return [
        messages[place]
        for place in queues.send_batch(address, [json.dumps(message.body) for message in messages])
    ]


def _place(after: str | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    at, _, message = after.partition("|")
    return datetime.fromisoformat(at), UUID(message)
