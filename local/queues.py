"""SQS on a laptop: a table in Postgres, and the part of the SQS protocol that `vitrine.queues` uses by boto3.

As in SQS, a message is delivered at least once, in no guaranteed order. A received message is invisible for
the queue's visibility timeout, and visible again unless it was deleted. After too many receives it moves to
the dead letter queue. Messages survive restarts.
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.template import ACCOUNT, Queue

MESSAGE_BYTES = 1024 * 1024  # SQS' limit, of a message and of a batch alike
BATCH = 10  # messages in a batch, SQS' limit
LOCK = 0x6C6F63616C  # key of the advisory lock: the letters "local"

SCHEMA = """
    create schema if not exists local;

    create table if not exists local.messages (
        id            uuid primary key,
        queue         text not null,
        body          text not null,
        attributes    jsonb not null default '{}',           -- message attributes in the format of SQS
        sent_at       timestamptz not null default now(),
        visible_at    timestamptz not null default now(),    -- later: delayed, or received
        received_at   timestamptz,                           -- the first receive
        receive_count integer not null default 0,
        receipt       uuid                                   -- of the last receipt
    );
    create index if not exists messages_visible on local.messages (queue, visible_at);

    create table if not exists local.schedules (
        function text primary key,
        last_at  timestamptz not null default now()          -- start of the last run, or first seen
    );
"""


@dataclass(frozen=True, slots=True)
class Outgoing:
    body: str
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    delay: int = 0  # seconds


@dataclass(frozen=True, slots=True)
class Message:
    id: uuid.UUID
    body: str
    attributes: Mapping[str, Any]
    sent_at: datetime
    received_at: datetime  # the first receive
    receive_count: int
    receipt: uuid.UUID


@dataclass(frozen=True, slots=True)
class Counts:
    visible: int
    in_flight: int
    delayed: int


class Queues:
    """The queues of one stack. Safe for threads; every operation is a transaction of its own."""

    def __init__(self, url: str, queues: Sequence[Queue]) -> None:
        self._queues = {queue.name: queue for queue in queues}
        self._url = url
        self._pool: ConnectionPool[psycopg.Connection[TupleRow]] = ConnectionPool(
            url,
            min_size=1,
            max_size=8,
            timeout=10,
            open=False,
            check=ConnectionPool.check_connection,
            kwargs={"autocommit": True, "application_name": "vitrine queues"},
        )
        self._sent = threading.Condition()

    def open(self) -> None:
        """Create the tables if missing. Raises psycopg.OperationalError while the database is unreachable."""
        with psycopg.connect(self._url, connect_timeout=5) as connection:
            # a lock, because concurrent `create ... if not exists` conflict
            connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
            connection.execute("set local client_min_messages = warning")
            connection.execute(SCHEMA)
        self._pool.open()  # idempotent

    def close(self) -> None:
        self._pool.close()

    def __contains__(self, queue: object) -> bool:
        return queue in self._queues

    def send(self, queue: str, messages: Sequence[Outgoing]) -> list[uuid.UUID]:
        """Send the messages, all or none, and return their ids. They are then on disk."""
        rows = [(uuid.uuid4(), queue, m.body, Jsonb(dict(m.attributes)), m.delay) for m in messages]
        with self._pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(
                """
                insert into local.messages (id, queue, body, attributes, visible_at)
                values (%s, %s, %s, %s, now() + make_interval(secs => %s))
                """,
                rows,
            )
        self.wake()
        return [row[0] for row in rows]

    def wake(self) -> None:
        """Wake the threads in `wait`."""
        with self._sent:
            self._sent.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until a message is sent through this object, at most so many seconds."""
        with self._sent:
            self._sent.wait(seconds)

    def receive(self, name: str, *, limit: int = 1, visibility: float | None = None) -> list[Message]:
        """Receive visible messages and hide them for `visibility` seconds (default: the queue's timeout)."""
        queue = self._queues[name]
        with self._pool.connection() as connection, connection.transaction():
            if queue.dead_letters is not None:
                connection.execute(
                    """
                    update local.messages
                       set queue = %(dead)s, receive_count = 0, received_at = null, receipt = null,
                           visible_at = now()
                     where queue = %(queue)s and visible_at <= now() and receive_count >= %(most)s
                    """,
                    {"dead": queue.dead_letters, "queue": name, "most": queue.max_receives},
                )
            cursor = connection.cursor(row_factory=class_row(Message))
            return cursor.execute(
                """
                   update local.messages as message
                      set visible_at = now() + make_interval(secs => %(visibility)s),
                          received_at = coalesce(received_at, now()),
                          receive_count = receive_count + 1,
                          receipt = gen_random_uuid()
                    where id in (select id from local.messages
                                  where queue = %(queue)s and visible_at <= now()
                                  order by visible_at
                                  limit %(limit)s for update skip locked)
                returning id, body, attributes, sent_at, received_at, receive_count, receipt
                """,
                {
                    "queue": name,
                    "limit": limit,
                    "visibility": queue.visibility if visibility is None else visibility,
                },
            ).fetchall()

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete the messages, except those that were received again since."""
        with self._pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(
                "delete from local.messages where id = %s and receipt = %s",
                [(m.id, m.receipt) for m in messages],
            )

    def release(self, name: str) -> int:
        """Make the received messages visible again, whose receiver has ended; return how many there were."""
        with self._pool.connection() as connection:
            return connection.execute(
                """
                update local.messages set visible_at = now()
                 where queue = %s and receipt is not null and visible_at > now()
                """,
                [name],
            ).rowcount

    def counts(self, name: str) -> Counts:
        with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Counts))
            counts = cursor.execute(
                """
                select count(*) filter (where visible_at <= now()) as visible,
                       count(*) filter (where visible_at > now() and receipt is not null) as in_flight,
                       count(*) filter (where visible_at > now() and receipt is null) as delayed
                  from local.messages
                 where queue = %s
                """,
                [name],
            ).fetchone()
        return counts or Counts(0, 0, 0)

    def failed_messages(self) -> list[str]:
        """A line for each dead letter, and for each message that was received more than once."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                """
                select queue, id, receive_count, age(now(), sent_at)::text, left(body, 300)
                  from local.messages
                 where queue = any(%s) or receive_count > 1
                 order by queue, sent_at
                """,
                [[q.dead_letters for q in self._queues.values() if q.dead_letters]],
            ).fetchall()
        return [
            f"{queue}: message {number}, received {count} times, {age} old: {body}"
            for queue, number, count, age, body in rows
        ]

    def seconds_until(self, function: str, every: int) -> float:
        """The seconds until the function's schedule is due; 0 or less: now. A new schedule begins now."""
        with self._pool.connection() as connection:
            connection.execute(
                "insert into local.schedules (function) values (%s) on conflict do nothing", [function]
            )
            row = connection.execute(
                """
                select extract(epoch from last_at + make_interval(secs => %s) - now())
                  from local.schedules
                 where function = %s
                """,
                [every, function],
            ).fetchone()
        return float(row[0]) if row else 0.0

    def mark_started(self, function: str) -> None:
        """Record that the function's schedule was started now."""
        with self._pool.connection() as connection:
            connection.execute("update local.schedules set last_at = now() where function = %s", [function])


# The protocol: JSON 1.0, the action in x-amz-target


class _ProtocolError(Exception):
    def __init__(self, code: str, query_code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.query_code = query_code  # the code in the older query protocol, which boto3 reports


def sqs_app(queues: Queues, *, hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost"})) -> Starlette:
    """The ASGI application of the SQS protocol, for boto3's `sqs` client. `hosts`: accepted host names."""

    async def respond(request: Request) -> Response:
        # A web page can reach this port too, but it cannot send this header without a CORS preflight.
        if request.url.hostname not in hosts or "x-amz-target" not in request.headers:
            return JSONResponse({"message": "Not Found"}, 404)
        action = request.headers["x-amz-target"].removeprefix("AmazonSQS.")
        try:
            parameters = json.loads(await request.body())
            if action not in ACTIONS:
                raise _ProtocolError("InvalidAction", "InvalidAction", f"The laptop's SQS has no {action}")
            answer = await run_in_threadpool(ACTIONS[action], queues, parameters)
        except (psycopg.OperationalError, PoolTimeout, PoolClosed):
            return JSONResponse(
                {"__type": "com.amazonaws.sqs#ServiceUnavailable", "message": "The database is away."}, 503
            )
        except _ProtocolError as error:
            body = {"__type": f"com.amazonaws.sqs#{error.code}", "message": str(error)}
            return JSONResponse(
                body,
                400,
                {
                    "x-amzn-query-error": f"{error.query_code};Sender",
                    "content-type": "application/x-amz-json-1.0",
                },
            )
        return JSONResponse(answer, 200, {"content-type": "application/x-amz-json-1.0"})

    async def ping(_: Request) -> Response:
        return Response(status_code=204)

    return Starlette(routes=[Route("/", ping, methods=["GET"]), Route("/", respond, methods=["POST"])])


def _queue(queues: Queues, parameters: Mapping[str, Any]) -> str:
    name = str(parameters.get("QueueUrl", "")).rpartition("/")[2]
    if name not in queues:
        raise _ProtocolError(
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
            "The specified queue does not exist.",
        )
    return name


def _outgoing(entry: Mapping[str, Any]) -> Outgoing:
    body, delay = entry.get("MessageBody"), entry.get("DelaySeconds", 0)
    if not isinstance(body, str) or not body:
        raise _ProtocolError(
            "MissingParameter", "MissingParameter", "The request must contain the parameter MessageBody."
        )
    if len(body.encode()) > MESSAGE_BYTES:
        reason = (
            f"One or more parameters are invalid. Reason: Message must be shorter than {MESSAGE_BYTES} bytes."
        )
        raise _ProtocolError("InvalidParameterValueException", "InvalidParameterValue", reason)
    if not isinstance(delay, int) or not 0 <= delay <= 900:
        reason = (
            f"Value {delay} for parameter DelaySeconds is invalid. "
            "Reason: DelaySeconds must be >= 0 and <= 900."
        )
        raise _ProtocolError("InvalidParameterValueException", "InvalidParameterValue", reason)
    return Outgoing(body, entry.get("MessageAttributes") or {}, delay)


def _sent(message: uuid.UUID, outgoing: Outgoing) -> dict[str, str]:
    return {"MessageId": str(message), "MD5OfMessageBody": md5(outgoing.body)}


def md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def _send_message(queues: Queues, parameters: Mapping[str, Any]) -> dict[str, Any]:
    name, outgoing = _queue(queues, parameters), _outgoing(parameters)
    [message] = queues.send(name, [outgoing])
    return _sent(message, outgoing)


def _send_message_batch(queues: Queues, parameters: Mapping[str, Any]) -> dict[str, Any]:
    name, entries = _queue(queues, parameters), parameters.get("Entries") or []
    for wrong, code, query_code, reason in (
        (
            not entries,
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ),
        (
            len(entries) > BATCH,
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {BATCH}. You have sent {len(entries)}.",
        ),
        (
            len({e.get("Id") for e in entries}) < len(entries),
            "BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ),
        (
            sum(len(str(e.get("MessageBody", "")).encode()) for e in entries) > MESSAGE_BYTES,
            "BatchRequestTooLong",
            "AWS.SimpleQueueService.BatchRequestTooLong",
            f"Batch requests cannot be longer than {MESSAGE_BYTES} bytes.",
        ),
    ):
        if wrong:
            raise _ProtocolError(code, query_code, reason)
    outgoing, failed = {}, []
    for entry in entries:
        try:
            outgoing[entry["Id"]] = _outgoing(entry)
        except _ProtocolError as error:
            failed.append(
                {"Id": entry["Id"], "SenderFault": True, "Code": error.query_code, "Message": str(error)}
            )
    messages = queues.send(name, list(outgoing.values())) if outgoing else []
    done = [
        {"Id": key, **_sent(message, outgoing[key])} for key, message in zip(outgoing, messages, strict=True)
    ]
    return {"Successful": done, **({"Failed": failed} if failed else {})}


def _get_queue_attributes(queues: Queues, parameters: Mapping[str, Any]) -> dict[str, Any]:
    name = _queue(queues, parameters)
    counts = queues.counts(name)
    known = {
        "ApproximateNumberOfMessages": str(counts.visible),
        "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
        "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
        "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}",
    }
    wanted = parameters.get("AttributeNames") or []
    return {"Attributes": {n: v for n, v in known.items() if n in wanted or "All" in wanted}}


ACTIONS = {
    "SendMessage": _send_message,
    "SendMessageBatch": _send_message_batch,
    "GetQueueAttributes": _get_queue_attributes,
}
