"""Scheduled jobs: a lease, a time limit, a saved cursor, a dry run and a report. The library supplies the
steps.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import transaction, write
from vitrine.models.people import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vitrine.db import Transaction
    from vitrine.models.jobs import Batch

BATCH = 500  # items of one batch
LEASE_BEYOND = 60  # seconds that the lease outlives the time limit: longer than any one batch may take
MAX_LISTED = 200  # items listed one by one in the report; further ones are only counted


class Step(Protocol):
    """Works off one bounded batch of a job, after a cursor. It is idempotent: a batch may be repeated."""

    @property
    def __name__(self) -> str: ...

    def __call__(self, now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch: ...


@dataclass(slots=True)
class Report:
    """What a run has done."""

    job: str
    dry_run: bool
    ran: bool = True  # False: another run has the lease
    complete: bool = False  # every step reached its end; otherwise the next run continues
    counts: dict[str, int] = field(default_factory=dict[str, int])  # by "step: deed"
    done: list[list[str]] = field(default_factory=list[list[str]])  # [step, deed, item], up to MAX_LISTED

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "dryRun": self.dry_run,
            "ran": self.ran,
            "complete": self.complete,
            "counts": self.counts,
            "done": self.done,
        }

    def add(self, step: str, batch: Batch) -> None:
        for done in batch.done:
            name = f"{step}: {done.deed}"
            self.counts[name] = self.counts.get(name, 0) + 1
            if len(self.done) < MAX_LISTED:
                self.done.append([step, done.deed, done.item])


def run(
    job: str,
    steps: Sequence[Step],
    *,
    now: datetime,
    seconds: float,
    dry_run: bool = False,
    limit: int = BATCH,
) -> Report:
    """Run the steps one after the other, each to its end, until `seconds` are over. The next run continues
    there.

    At most one run of a job at a time does anything, apart from dry runs. A run may stop after any batch,
    also because its process dies: nothing is undone.
    """
    until = time.monotonic() + seconds
    lease = seconds + LEASE_BEYOND
    report = Report(job, dry_run)
    begun = _begin(job, lease, dry_run=dry_run)
    if begun is None:
        report.ran = False
        return report

    names = [step.__name__ for step in steps]
    cursor = begun.cursor or {}
    place = names.index(cursor["step"]) if cursor.get("step") in names else 0
    after: str | None = cursor.get("after") if cursor.get("step") in names else None
    while place < len(steps) and time.monotonic() < until:
        batch = steps[place](now, after, limit, dry_run=dry_run)
        report.add(names[place], batch)
        after = batch.cursor
        if after is None:
            place += 1
        reached = {"step": names[place], "after": after} if place < len(steps) else None
        saved = queries.job_runs.save(begun.id, reached, report.as_json(), lease, finished=False)
        if not write(Worker(), saved):
            return report  # the lease was lost: another run has continued from the last cursor
    report.complete = place == len(steps)
    reached = None if report.complete else {"step": names[place], "after": after}
    write(Worker(), queries.job_runs.save(begun.id, reached, report.as_json(), 0, finished=True))
    return report


def _begin(job: str, lease: float, *, dry_run: bool) -> queries.job_runs.JobRun | None:
    def work(db: Transaction) -> queries.job_runs.JobRun | None:
        db.queue(queries.job_runs.finish_lapsed(job))
        return db.first(queries.job_runs.begin(mint_id(), job, lease, dry_run=dry_run))

    return transaction(Worker(), work)
