"""Scheduled jobs: a lease, a box of time, a saved cursor, a dry run, a report. The library gives the
batches, each bounded and repeatable.
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

BATCH = 500  # items of one step
LEASE_BEYOND = 60  # seconds that the lease outlives the time box: longer than any one batch may take
KEPT = 200  # deeds named one by one in the report; the rest are counted


class Step(Protocol):
    """One bounded batch of a job, going on after a cursor. Done twice it is done once."""

    @property
    def __name__(self) -> str: ...

    def __call__(self, now: datetime, after: str | None, limit: int, *, dry_run: bool) -> Batch: ...


@dataclass(slots=True)
class Report:
    """What a run did. `complete` says that every step reached its end; otherwise the next run goes on."""

    job: str
    dry_run: bool
    ran: bool = True  # False: another run has the lease
    complete: bool = False
    counts: dict[str, int] = field(default_factory=dict[str, int])  # "step: deed" -> how often
    done: list[list[str]] = field(default_factory=list[list[str]])  # [step, deed, item], the first of them

    def shown(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "dryRun": self.dry_run,
            "ran": self.ran,
            "complete": self.complete,
            "counts": self.counts,
            "done": self.done,
        }


def run(
    job: str,
    steps: Sequence[Step],
    *,
    now: datetime,
    seconds: float,
    dry_run: bool = False,
    limit: int = BATCH,
) -> Report:
    """The steps have run, one after the other, until each was at its end or the time (`seconds`) was over;
    the next run goes on from there.

    At most one run of a job at a time does anything, dry runs apart. Each batch may be the last: nothing is
    undone when a run dies.
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
        _tell(report, names[place], batch)
        after = batch.cursor
        if after is None:
            place += 1
        reached = {"step": names[place], "after": after} if place < len(steps) else None
        if not write(
            Worker(), queries.job_runs.save(begun.id, reached, report.shown(), lease, finished=False)
        ):
            return report  # the lease was lost: another run has gone on from the last cursor
    report.complete = place == len(steps)
    reached = None if report.complete else {"step": names[place], "after": after}
    write(Worker(), queries.job_runs.save(begun.id, reached, report.shown(), 0, finished=True))
    return report


def _begin(job: str, lease: float, *, dry_run: bool) -> queries.job_runs.Run | None:
    def work(db: Transaction) -> queries.job_runs.Run | None:
        db.queue(queries.job_runs.give_up_lapsed(job))
        return db.first(queries.job_runs.begin(mint_id(), job, lease, dry_run=dry_run))

    return transaction(Worker(), work)


def _tell(report: Report, step: str, batch: Batch) -> None:
    for done in batch.done:
        name = f"{step}: {done.deed}"
        report.counts[name] = report.counts.get(name, 0) + 1
        if len(report.done) < KEPT:
            report.done.append([step, done.deed, done.item])
