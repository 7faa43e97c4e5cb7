"""Scheduled jobs: one run at a time, within a time limit, continuing where the last run stopped."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from vitrine import jobs
from vitrine.consumers import Message, on_event, on_schedule
from vitrine.models.jobs import Batch, Done
from vitrine.settings import settings

if TYPE_CHECKING:
    from vitrine.jobs import Report

NOW = datetime(2026, 3, 10, tzinfo=UTC)


class Counting:
    """A step that counts to `end`, one per batch, and records its arguments."""

    def __init__(self, name: str, end: int) -> None:
        self.__name__ = name
        self.end = end
        self.calls: list[tuple[datetime, str | None, bool]] = []

    def __call__(self, now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
        self.calls.append((now, after, dry_run))
        reached = int(after or 0) + 1
        return Batch((Done("counted", str(reached)),), str(reached) if reached < self.end else None)


def run(job: str, *steps: Counting, seconds: float = 60, dry_run: bool = False) -> Report:
    return jobs.run(job, steps, now=NOW, seconds=seconds, dry_run=dry_run)


@pytest.fixture
def job() -> str:
    return f"job-{uuid4().hex}"


def test_a_job_runs_its_steps_to_their_ends_and_reports(job: str) -> None:
    first, second = Counting("first", 2), Counting("second", 1)

    report = run(job, first, second)

    assert report.as_json() == {
        "job": job,
        "dryRun": False,
        "ran": True,
        "complete": True,
        "counts": {"first: counted": 2, "second: counted": 1},
        "done": [["first", "counted", "1"], ["first", "counted", "2"], ["second", "counted", "1"]],
    }
    assert (first.calls, second.calls) == ([(NOW, None, False), (NOW, "1", False)], [(NOW, None, False)])


def test_a_job_whose_time_is_over_is_continued_by_the_next_run(job: str) -> None:
    step = Counting("step", 3)

    class Slow(Counting):
        def __call__(self, now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch:
            time.sleep(1.05)
            return super().__call__(now, after, limit, dry_run=dry_run)

    cut = run(job, Slow("step", 3), seconds=0.04)
    after = run(job, step)

    assert (cut.complete, cut.counts, after.complete) == (False, {"step: counted": 1}, True)
    assert step.calls == [(NOW, "1", False), (NOW, "2", False)]


def test_a_job_continues_from_its_saved_cursor(job: str) -> None:
    step = Counting("step", 5)
    with psycopg.connect(settings().worker_database_url, autocommit=True) as connection:
        connection.execute(
            "insert into job_runs (id, job, cursor, lease_until, finished_at) "
            "values (%s, %s, %s, now(), now())",
            [uuid4(), job, json.dumps({"step": "step", "after": "3"})],
        )

    run(job, Counting("before", 9), step)

    assert step.calls == [(NOW, "3", False), (NOW, "4", False)]


def test_only_the_run_with_the_lease_works_until_the_lease_is_over(job: str) -> None:
    step = Counting("step", 1)
    other = uuid4()
    with psycopg.connect(settings().worker_database_url, autocommit=True) as connection:
        connection.execute(
            "insert into job_runs (id, job, lease_until) values (%s, %s, now() + interval '1 minute')",
            [other, job],
        )

        without_lease = run(job, step)
        on_dry_run = run(job, step, dry_run=True)
        connection.execute(
            "update job_runs set lease_until = now() - interval '1 second' where id = %s", [other]
        )
        after_lease = run(job, step)

    assert (without_lease.ran, on_dry_run.ran, after_lease.ran, after_lease.complete) == (
        False,
        True,
        True,
        True,
    )
    assert [dry for _, _, dry in step.calls] == [True, False]


def test_an_event_may_name_the_time(job: str) -> None:
    step = Counting("step", 1)

    answer = on_schedule(job, step)({"now": "2026-03-10T01:00:00+01:00", "dryRun": True}, None)

    assert answer["dryRun"] is True
    assert step.calls == [(NOW, None, True)]


def test_without_a_time_in_its_event_a_job_runs_at_the_present_time(job: str) -> None:
    step = Counting("step", 1)

    on_schedule(job, step)({"scheduledAt": "2020-01-01T00:00:00Z", "dryRun": False}, None)

    assert abs(step.calls[0][0] - datetime.now(UTC)) < timedelta(minutes=1)


def test_only_the_messages_that_failed_are_received_again() -> None:
    processed: list[Message] = []

    def process(message: Message) -> None:
        processed.append(message)
        if message.body == "bad":
            raise RuntimeError(message.body)

    records = [
        {
            "messageId": name,
            "receiptHandle": "r",
            "body": body,
            "attributes": {"ApproximateReceiveCount": "2"},
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
            "awsRegion": "us-east-1",
        }
        for name, body in (("1", "good"), ("2", "bad"), ("3", "good"))
    ]

    answers = [on_event(process)({"Records": some}, None) for some in (records, records[1:2], records[:1])]

    failed = {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert answers == [failed, failed, {"batchItemFailures": []}]
    assert processed[:3] == [Message("1", "good", 2), Message("2", "bad", 2), Message("3", "good", 2)]
