"""Sending the messages of the outbox. A message is written in the transaction that causes it and sent right
after the commit; the job sends those for which that did not succeed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

from vitrine import queries, queues
from vitrine.db import read, write
from vitrine.models.jobs import Batch, Done
from vitrine.models.people import Worker
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vitrine.models.people import Caller
    from vitrine.queries.outbox import OutboxMessage

# Names of the queues, as stored in the outbox; `_url` maps them to URLs.
STORED_QUEUE = "upload_stored"
IMPORT_QUEUE = "import_requested"


def send(now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:  # noqa: ARG001 - the signature of a step
    """Send the waiting messages, each at least once. One that its queue does not accept waits for the next
    run.
    """
    waiting = read(Worker(), queries.outbox.unsent(_parse_cursor(after), limit))
    last = waiting[-1] if len(waiting) == limit else None
    cursor = f"{last.created_at.isoformat()}|{last.id.hex}" if last else None
    if dry_run:
        return Batch(tuple(Done("would be sent", message.id.hex) for message in waiting), cursor)

    done: list[Done] = []
    for queue in sorted({message.queue for message in waiting}):
        messages = [message for message in waiting if message.queue == queue]
        accepted = {message.id for message in _send(_url(queue), messages)}
        if accepted:
            write(Worker(), queries.outbox.mark_sent(list(accepted)))
        done += [
            Done("sent" if message.id in accepted else "not taken", message.id.hex) for message in messages
        ]
    return Batch(tuple(done), cursor)


def send_now(actor: Caller, message: UUID, queue: str, body: Mapping[str, object]) -> None:
    """Try to send a message of the outbox whose transaction has committed, and mark it as sent. Raises
    nothing: a message that is not sent now is sent by the job (`send`).
    """
    url = _url(queue)
    if not url:
        return
    with suppress(Exception):  # the request has succeeded; the job sends the message within a minute
        if queues.send_batch(url, [json.dumps(dict(body))]):
            write(actor, queries.outbox.mark_sent([message]))


def stored_event(key: str) -> dict[str, object]:
    """Return a notification about the object with this key as S3 sends it, reduced to the fields that
    `storage.landed_keys` reads.
    """
    return {
        "Records": [
            {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": quote(key)}}}
        ]
    }


def _url(queue: str) -> str:
    chosen = settings()
    return {
        STORED_QUEUE: chosen.upload_stored_queue_url,
        IMPORT_QUEUE: chosen.import_requested_queue_url,
    }.get(queue, "")


def _send(url: str, messages: list[OutboxMessage]) -> list[OutboxMessage]:
    """Return the messages that the queue accepted; none when no URL is configured for it."""
    if not url:
        return []
    accepted = queues.send_batch(url, [json.dumps(message.body) for message in messages])
    return [messages[index] for index in accepted]


def _parse_cursor(after: str | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    at, _, message = after.partition("|")
    return datetime.fromisoformat(at), UUID(message)
