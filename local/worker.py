"""What calls functions in AWS without a request: S3's notifications, SQS' pollers and EventBridge's
schedules.

    QUEUES_DATABASE_URL=... python -m local.worker --port 8486 --events .vitrine/s3/.events

One process: a thread that moves S3's journal into the queues, a thread per queue that a function consumes, a
thread per schedule, and
the SQS protocol on a loopback port. It starts at any time, with or without a database, and goes on from what
is on disk.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import unquote_plus

import psycopg
import psycopg_pool
import uvicorn

from local import CLONE
from local.queues import Message, Outgoing, Queues, door, md5
from local.template import ACCOUNT, REGION, Function, Notification, Schedule, Source, Template, arn, read
from vitrine.process import hide

Handler = Callable[[dict[str, Any], Any], Any]

LOOK = 0.1  # seconds between looks at the journal
POLL = 0.25  # seconds between looks at an empty queue; what is sent through this process is seen at once
AGAIN = 1.0  # seconds before another try where the database is away
FAREWELL = 8.0  # seconds that a running function gets at the end; its message comes back otherwise


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda hands to a function beside its event."""

    function_name: str
    memory_limit_in_mb: int
    deadline: float  # of the monotonic clock
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    log_group_name: str = "vitrine"
    log_stream_name: str = "local"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class Worker:
    """`stop()` lets the functions that run finish, within bounds."""

    def __init__(
        self,
        template: Template,
        queues: Queues,
        events: Path,
        *,
        load: Callable[[str], Handler] | None = None,
        visibility: float | None = None,
        every: float | None = None,
    ) -> None:
        """`visibility` and `every`, in seconds, stand for those of all queues and all schedules, where they
        are given.

        A visibility shorter than a function's run does no harm here: one thread consumes a queue, so nobody
        sees what is in its hands.
        """
        self._template, self._queues, self._events = template, queues, events
        self._load = load or imported
        self._visibility, self._every = visibility, every
        self._stopping = threading.Event()
        self._running = 0  # functions
        self._fewer = threading.Condition()

    def start(self) -> None:
        jobs: list[tuple[str, Callable[[], None]]] = [("events", self.forward)]
        jobs += [(source.queue, partial(self.consume, source)) for source in self._template.sources]
        jobs += [
            (schedule.function, partial(self.run_when_due, schedule)) for schedule in self._template.schedules
        ]
        for name, job in jobs:
            threading.Thread(target=self._keep, args=[name, job], name=name, daemon=True).start()

    def stop(self) -> None:
        """No function starts any more, and those that ran have finished (their messages are deleted) or
        had their time.
        """
        # a thread that waits for a database that is away holds nothing: nobody waits for it
        with self._fewer:
            self._stopping.set()
            self._fewer.wait_for(lambda: self._running == 0, FAREWELL)
        self._queues.wake()

    @contextmanager
    def _run(self) -> Generator[bool]:
        """Whether a function may run inside."""
        with self._fewer:
            allowed = not self._stopping.is_set()
            self._running += allowed
        try:
            yield allowed
        finally:
            with self._fewer:
                self._running -= allowed
                self._fewer.notify_all()

    def _keep(self, name: str, job: Callable[[], None]) -> None:
        """A database that is away is waited for; a fault of ours is said, and the job goes on."""
        away = False
        while not self._stopping.is_set():
            try:
                job()
                away = False
            except (psycopg.OperationalError, psycopg.InterfaceError, psycopg_pool.PoolTimeout) as error:
                if not away:
                    say(f"{name}: waiting for the database ({type(error).__name__})")
                away = True
                self._stopping.wait(AGAIN)
            except Exception:  # whatever it is, the other messages must go on
                traceback.print_exc()
                self._stopping.wait(AGAIN)

    # From S3's journal into the queues

    def forward(self) -> None:
        """Every event in the journal is in its queues: first there, then out of the journal, so perhaps
        twice and never not at all.
        """
        for file in sorted(self._events.glob("*.json")) if self._events.is_dir() else []:
            text = file.read_text()
            for queue in wanting(self._template.notifications, text):
                self._queues.send(queue, [Outgoing(text)])
            file.unlink()
        self._stopping.wait(LOOK)

    # From the queues into functions

    def consume(self, source: Source) -> None:
        """One batch, if there is one. What the function took is deleted; the rest comes back after its
        time-out.
        """
        messages = self._queues.receive(source.queue, most=source.batch_size, visibility=self._visibility)
        if not messages:
            self._queues.wait(POLL)
            return
        with self._run() as allowed:
            if allowed:
                self._queues.delete(self._taken(source, messages))

    def _taken(self, source: Source, messages: Sequence[Message]) -> list[Message]:
        event = {"Records": [record(source.queue, message) for message in messages]}
        try:
            answer = self._invoke(source.function, event)
        except Exception:  # a function may raise anything
            traceback.print_exc()
            return []
        failed = failures(answer, {str(m.id) for m in messages}) if source.partial else set[str]()
        return [m for m in messages if str(m.id) not in failed]

    def _invoke(self, name: str, event: dict[str, Any]) -> Any:
        function: Function = self._template.function(name)
        context = Context(name, function.memory, time.monotonic() + function.timeout)
        return self._load(name)(event, context)

    # Schedules

    def run_when_due(self, schedule: Schedule) -> None:
        wait = (
            self._queues.seconds_until(schedule.function, schedule.every)
            if self._every is None
            else self._every
        )
        if wait > 0 and self._stopping.wait(min(wait, 60.0)):
            return
        if self._every is None and wait > 60.0:
            return  # looked at again: a laptop sleeps, and its clock jumps
        with self._run() as allowed:
            if allowed:
                self._queues.started(schedule.function)
                self._invoke(schedule.function, occasion(schedule))


def wanting(notifications: Sequence[Notification], event: str) -> list[str]:
    """The queues that an S3 event goes to."""
    records = json.loads(event)["Records"]
    return sorted(
        {
            n.queue
            for r in records
            for n in notifications
            if n.takes(r["eventName"], unquote_plus(r["s3"]["object"]["key"]))
        }
    )


def record(queue: str, message: Message) -> dict[str, Any]:
    """As SQS events have it: docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    return {
        "messageId": str(message.id),
        "receiptHandle": str(message.receipt),
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "SentTimestamp": str(int(message.sent_at.timestamp() * 1000)),
            "SenderId": "AIDALOCAL",
            "ApproximateFirstReceiveTimestamp": str(int(message.received_at.timestamp() * 1000)),
        },
        "messageAttributes": {name: _attribute(value) for name, value in message.attributes.items()},
        "md5OfBody": md5(message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn(queue),
        "awsRegion": REGION,
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    spelled = {"StringValue": "stringValue", "BinaryValue": "binaryValue", "DataType": "dataType"}
    return {
        "stringListValues": [],
        "binaryListValues": [],
        **{spelled[name]: one for name, one in value.items() if name in spelled},
    }


def failures(answer: Any, known: set[str]) -> set[str]:
    """The messages that a function reports as failed: all of them where its answer cannot be read, as in
    Lambda.
    """
    if not answer:
        return set()
    try:
        failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures") or []}
    except (AttributeError, KeyError, TypeError):
        return known
    if failed - known:
        return known
    return failed


def occasion(schedule: Schedule) -> dict[str, Any]:
    """The event of a schedule: its own input, or EventBridge's."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if schedule.input is not None:
        given: dict[str, Any] = json.loads(schedule.input.replace("<aws.scheduler.scheduled-time>", now))
        return given
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": now,
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{schedule.function}"],
        "detail": {},
    }


def imported(function: str) -> Handler:
    handler: Handler = importlib.import_module(f"functions.{function}.handler").handler
    return handler


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    hide()  # the owner's URL of the database, and the store's keys
    arguments = argparse.ArgumentParser(
        prog="python -m local.worker", description="Queues, events and schedules, from template.yaml."
    )
    arguments.add_argument("--port", type=int, required=True, help="of the SQS protocol, on 127.0.0.1")
    arguments.add_argument("--events", type=Path, required=True, help="folder of S3's journal")
    given = arguments.parse_args()

    template = read(CLONE / "template.yaml")
    queues = Queues(os.environ["QUEUES_DATABASE_URL"], template.queues)
    worker = Worker(
        template,
        queues,
        given.events,
        visibility=_seconds("QUEUE_VISIBILITY"),
        every=_seconds("SCHEDULE_SECONDS"),
    )
    ending = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.set()

    for farewell in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises it once more when it has ended: it must not kill us then
        signal.signal(farewell, end)

    def begin() -> bool:
        try:
            queues.open()
            for source in template.sources:
                # in the hands of the process before this one: nobody else receives here
                queues.release(source.queue)
        except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
            say(f"waiting for the database ({type(error).__name__})")
            return False
        worker.start()
        return True

    def begin_when_possible() -> None:
        while not begin() and not ending.wait(AGAIN):
            pass

    threading.Thread(target=begin_when_possible, name="begin", daemon=True).start()
    uvicorn.run(
        door(queues),
        host="127.0.0.1",
        port=given.port,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    worker.stop()
    sys.stdout.flush()
    os._exit(0)  # a function that runs on would keep us; its message comes back


def _seconds(name: str) -> float | None:
    text = os.environ.get(name)
    return float(text) if text else None


if __name__ == "__main__":
    main()
