"""The laptop's event sources of functions: S3 notifications, SQS pollers and EventBridge schedules.

    QUEUES_DATABASE_URL=... python -m local.worker --port 8486 --events .vitrine/s3/.events

One process: a thread that moves S3's journal into the queues, a thread per queue that a function consumes, a
thread per schedule, and the SQS protocol on a loopback port. It may start before the database does, and
continues with the journal and the messages on disk.
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
from local.queues import Message, Outgoing, Queues, md5, sqs_app
from local.template import ACCOUNT, REGION, Function, Notification, Schedule, Source, Template, arn, read
from vitrine.process import hide

Handler = Callable[[dict[str, Any], Any], Any]

JOURNAL_INTERVAL = 0.1  # seconds between reads of the journal
# seconds between polls of an empty queue; messages sent by this process are noticed at once
POLL_INTERVAL = 0.25
RETRY_DELAY = 1.0  # seconds before another try while the database is unreachable
# seconds for running functions to finish at the end; else their messages are delivered again
GRACE_PERIOD = 8.0


@dataclass(frozen=True, slots=True)
class Context:
    """The context object that Lambda passes to a function beside its event."""

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
    """Runs functions for the template's events. `stop()` waits for running functions up to GRACE_PERIOD."""

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
        """`visibility` and `every`, in seconds, replace the values of all queues and all schedules.

        A visibility timeout shorter than a function's run does no harm here: one thread consumes a queue, so
        no message is received while it is processed.
        """
        self._template, self._queues, self._events = template, queues, events
        self._load = load or import_handler
        self._visibility, self._every = visibility, every
        self._stopping = threading.Event()
        self._running = 0  # functions
        self._finished = threading.Condition()

    def start(self) -> None:
        jobs: list[tuple[str, Callable[[], None]]] = [("events", self.forward)]
        jobs += [(source.queue, partial(self.consume, source)) for source in self._template.sources]
        jobs += [
            (schedule.function, partial(self.run_when_due, schedule)) for schedule in self._template.schedules
        ]
        for name, job in jobs:
            threading.Thread(target=self._repeat, args=[name, job], name=name, daemon=True).start()

    def stop(self) -> None:
        """Start no further function, and wait until the running ones have finished, at most GRACE_PERIOD
        seconds.

        Threads that wait for the database are not waited for.
        """
        with self._finished:
            self._stopping.set()
            self._finished.wait_for(lambda: self._running == 0, GRACE_PERIOD)
        self._queues.wake()

    @contextmanager
    def _run(self) -> Generator[bool]:
        """Count a running function. Yields whether it may run: False after `stop()`."""
        with self._finished:
            allowed = not self._stopping.is_set()
            self._running += allowed
        try:
            yield allowed
        finally:
            with self._finished:
                self._running -= allowed
                self._finished.notify_all()

    def _repeat(self, name: str, job: Callable[[], None]) -> None:
        """Repeat the job until `stop()`. Waits for an unreachable database; logs every other error and goes
        on.
        """
        unreachable = False
        while not self._stopping.is_set():
            try:
                job()
                unreachable = False
            except (psycopg.OperationalError, psycopg.InterfaceError, psycopg_pool.PoolTimeout) as error:
                if not unreachable:
                    log(f"{name}: waiting for the database ({type(error).__name__})")
                unreachable = True
                self._stopping.wait(RETRY_DELAY)
            except Exception:  # whatever it is, the other messages must go on
                traceback.print_exc()
                self._stopping.wait(RETRY_DELAY)

    # From S3's journal into the queues

    def forward(self) -> None:
        """Move the journal's events into their queues.

        An event is sent before its file is removed: it may be sent two times after a crash, but is never
        lost.
        """
        for file in sorted(self._events.glob("*.json")) if self._events.is_dir() else []:
            text = file.read_text()
            for queue in queues_of(self._template.notifications, text):
                self._queues.send(queue, [Outgoing(text)])
            file.unlink()
        self._stopping.wait(JOURNAL_INTERVAL)

    # From the queues into functions

    def consume(self, source: Source) -> None:
        """Process one batch, if there is one.

        Messages that the function processed are deleted. The others are visible again after their timeout.
        """
        messages = self._queues.receive(source.queue, limit=source.batch_size, visibility=self._visibility)
        if not messages:
            self._queues.wait(POLL_INTERVAL)
            return
        with self._run() as allowed:
            if allowed:
                self._queues.delete(self._process(source, messages))

    def _process(self, source: Source, messages: Sequence[Message]) -> list[Message]:
        """Call the function with the messages. Return the messages to delete from the queue: all but those
        that the function reports as failed, or none if it raises.
        """
        event = {"Records": [record(source.queue, message) for message in messages]}
        try:
            answer = self._invoke(source.function, event)
        except Exception:  # a function may raise anything
            traceback.print_exc()
            return []
        failed = failures(answer, {str(m.id) for m in messages}) if source.reports_failures else set[str]()
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
            return  # computed anew every minute: a laptop sleeps, and its clock jumps
        with self._run() as allowed:
            if allowed:
                self._queues.mark_started(schedule.function)
                self._invoke(schedule.function, scheduled_event(schedule))


def queues_of(notifications: Sequence[Notification], event: str) -> list[str]:
    """The names of the queues that receive an S3 event, a JSON text."""
    records = json.loads(event)["Records"]
    return sorted(
        {
            n.queue
            for r in records
            for n in notifications
            if n.matches(r["eventName"], unquote_plus(r["s3"]["object"]["key"]))
        }
    )


def record(queue: str, message: Message) -> dict[str, Any]:
    """A record of an SQS event, as in docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
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
    names = {"StringValue": "stringValue", "BinaryValue": "binaryValue", "DataType": "dataType"}
    return {
        "stringListValues": [],
        "binaryListValues": [],
        **{names[name]: one for name, one in value.items() if name in names},
    }


def failures(answer: Any, known: set[str]) -> set[str]:
    """The ids of the messages that a function reports as failed; all, as in Lambda, when its answer is
    invalid.
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


def scheduled_event(schedule: Schedule) -> dict[str, Any]:
    """The event of a schedule: its `Input`, or EventBridge's default."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if schedule.input is not None:
        event: dict[str, Any] = json.loads(schedule.input.replace("<aws.scheduler.scheduled-time>", now))
        return event
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


def import_handler(function: str) -> Handler:
    handler: Handler = importlib.import_module(f"functions.{function}.handler").handler
    return handler


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    hide()  # the environment has the owner's database URL and the store's keys
    arguments = argparse.ArgumentParser(
        prog="python -m local.worker", description="Queues, events and schedules, from template.yaml."
    )
    arguments.add_argument("--port", type=int, required=True, help="of the SQS protocol, on 127.0.0.1")
    arguments.add_argument("--events", type=Path, required=True, help="folder of S3's journal")
    options = arguments.parse_args()

    template = read(CLONE / "template.yaml")
    queues = Queues(os.environ["QUEUES_DATABASE_URL"], template.queues)
    worker = Worker(
        template,
        queues,
        options.events,
        visibility=_seconds("QUEUE_VISIBILITY"),
        every=_seconds("SCHEDULE_SECONDS"),
    )
    ending = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again after it has stopped; the default action would kill this process
        signal.signal(number, end)

    def begin() -> bool:
        try:
            queues.open()
            for source in template.sources:
                # received by the previous process, which has ended: no other process receives from these
                # queues
                queues.release(source.queue)
        except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
            log(f"waiting for the database ({type(error).__name__})")
            return False
        worker.start()
        return True

    def begin_when_possible() -> None:
        while not begin() and not ending.wait(RETRY_DELAY):
            pass

    threading.Thread(target=begin_when_possible, name="begin", daemon=True).start()
    uvicorn.run(
        sqs_app(queues),
        host="127.0.0.1",
        port=options.port,
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
    os._exit(0)  # a running function would delay the exit; its message is delivered again


def _seconds(name: str) -> float | None:
    text = os.environ.get(name)
    return float(text) if text else None


if __name__ == "__main__":
    main()
