"""The laptop's Lambda for events: from S3's journal through a queue into a function, and schedules."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.queues import Counts, Outgoing, Queues
from local.template import Function, Notification, Queue, Schedule, Source, Template
from local.worker import Handler, Worker, scheduled_event

TEMPLATE = Template(
    functions=(Function("take", timeout=60, memory=512), Function("sweep", timeout=60, memory=512)),
    routes=(),
    queues=(
        Queue("Stored", visibility=30, dead_letters="Dead", max_receives=3),
        Queue("Dead", 30, None, None),
    ),
    sources=(Source("Stored", "take", batch_size=10, reports_failures=True),),
    schedules=(Schedule("sweep", every=3600, input=None),),
    notifications=(
        Notification("Stored", "s3:ObjectCreated:Put", "originals/"),
        Notification("Stored", "s3:ObjectCreated:Post", "incoming/"),
    ),
    cors={},
    environment={},
)


@pytest.fixture
def queues(database_url: str) -> Generator[Queues]:
    opened = Queues(database_url, TEMPLATE.queues)
    opened.open()
    with psycopg.connect(database_url) as connection:
        connection.execute("truncate local.messages, local.schedules")  # faster than a database per test
    yield opened
    opened.close()


@contextmanager
def running_worker(
    queues: Queues,
    events: Path,
    handlers: dict[str, Handler],
    *,
    visibility: float = 0.1,
    every: float | None = None,
) -> Generator[None]:
    worker = Worker(
        TEMPLATE, queues, events, load=lambda name: handlers[name], visibility=visibility, every=every
    )
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def wait_until(claim: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not claim():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


def s3_event(name: str, key: str) -> str:
    return json.dumps({"Records": [{"eventName": name, "s3": {"object": {"key": key}}}]})


def test_an_event_in_the_journal_reaches_its_function_as_sqs_delivers_it(
    queues: Queues, tmp_path: Path
) -> None:
    calls: list[tuple[dict[str, Any], Any]] = []
    text = s3_event("ObjectCreated:Put", "originals/a+b")
    (tmp_path / "000000000001.json").write_text(text)

    with running_worker(queues, tmp_path, {"take": lambda event, context: calls.append((event, context))}):
        wait_until(lambda: calls and queues.counts("Stored") == Counts(0, 0, 0))

    [(event, context)] = calls
    [record] = event["Records"]
    assert list(tmp_path.iterdir()) == []
    assert sorted(record) == [
        "attributes",
        "awsRegion",
        "body",
        "eventSource",
        "eventSourceARN",
        "md5OfBody",
        "messageAttributes",
        "messageId",
        "receiptHandle",
    ]
    assert (record["body"], record["eventSource"]) == (text, "aws:sqs")
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:000000000000:Stored"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert (context.function_name, context.memory_limit_in_mb) == ("take", 512)
    assert 0 < context.get_remaining_time_in_millis() <= 60_000


def test_an_event_without_a_rule_is_dropped(queues: Queues, tmp_path: Path) -> None:
    unwanted = [
        ("ObjectCreated:Copy", "originals/a"),
        ("ObjectCreated:Put", "derived/a"),
        ("ObjectCreated:Put", "incoming/a"),
    ]
    for number, (name, key) in enumerate(unwanted):
        (tmp_path / f"{number:012}.json").write_text(s3_event(name, key))
    calls: list[object] = []

    with running_worker(queues, tmp_path, {"take": lambda event, _: calls.append(event)}):
        wait_until(lambda: not list(tmp_path.iterdir()))

    assert calls == []
    assert queues.counts("Stored") == Counts(0, 0, 0)


def test_only_messages_that_a_function_reports_as_failed_are_delivered_again(
    queues: Queues, tmp_path: Path
) -> None:
    seen: list[str] = []

    def take(event: dict[str, Any], _: Any) -> dict[str, Any]:
        bodies = {r["messageId"]: r["body"] for r in event["Records"]}
        bad = [key for key, body in bodies.items() if body == "bad" and "bad" not in seen]
        seen.extend(sorted(bodies.values()))
        return {"batchItemFailures": [{"itemIdentifier": key} for key in bad]}

    queues.send("Stored", [Outgoing("bad"), Outgoing("good")])
    with running_worker(queues, tmp_path, {"take": take}):
        wait_until(lambda: queues.counts("Stored") == Counts(0, 0, 0))

    assert seen == ["bad", "good", "bad"]


def test_a_message_whose_function_raises_is_delivered_again_until_it_is_a_dead_letter(
    queues: Queues, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts: list[str] = []

    def take(event: dict[str, Any], _: Any) -> None:
        counts.append(event["Records"][0]["attributes"]["ApproximateReceiveCount"])
        raise RuntimeError("cannot")

    queues.send("Stored", [Outgoing("bad")])
    with running_worker(queues, tmp_path, {"take": take}):
        wait_until(lambda: queues.counts("Dead") == Counts(1, 0, 0))

    assert counts == ["1", "2", "3"]
    assert "RuntimeError: cannot" in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer",
    ["nonsense", {"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"batchItemFailures": [{}]}],
)
def test_an_invalid_answer_fails_the_whole_batch(queues: Queues, tmp_path: Path, answer: object) -> None:
    calls: list[object] = []

    def take(event: dict[str, Any], _: Any) -> object:
        calls.append(event)
        return answer if len(calls) == 1 else None

    queues.send("Stored", [Outgoing("a")])
    with running_worker(queues, tmp_path, {"take": take}):
        wait_until(lambda: queues.counts("Stored") == Counts(0, 0, 0))

    assert len(calls) == 2


def test_a_running_function_is_waited_for_at_the_end(queues: Queues, tmp_path: Path) -> None:
    began, finished = threading.Event(), threading.Event()

    def take(_: Any, __: Any) -> None:
        began.set()
        time.sleep(0.3)
        finished.set()

    queues.send("Stored", [Outgoing("a")])
    with running_worker(queues, tmp_path, {"take": take}, visibility=30):
        began.wait(5)

    assert finished.is_set()
    assert queues.counts("Stored") == Counts(0, 0, 0)


def test_a_schedule_runs_its_function(queues: Queues, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []

    with running_worker(queues, tmp_path, {"sweep": lambda event, _: events.append(event)}, every=0.05):
        wait_until(lambda: len(events) >= 2)

    assert events[0]["detail-type"] == "Scheduled Event"


def test_a_schedule_passes_its_input_to_the_function() -> None:
    event = scheduled_event(
        Schedule("sweep", 60, '{"at": "<aws.scheduler.scheduled-time>", "dryRun": false}')
    )

    assert event.keys() == {"at", "dryRun"}
    assert event["dryRun"] is False
    assert event["at"].endswith("Z")
