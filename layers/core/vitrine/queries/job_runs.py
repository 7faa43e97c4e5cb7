"""Runs of scheduled jobs. The unfinished run has the lease; the last run has the cursor where the next
continues.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class JobRun:
    """A run that has the lease of its job, or a dry run."""

    id: UUID
    cursor: dict[str, Any] | None  # where the run continues; None: from the beginning


def finish_lapsed(job: str) -> Statement[object]:
    """Mark the job's run as finished when its lease is over: its process died, or Lambda stopped it."""
    return Statement(
        """
        update job_runs
           set finished_at = now(),
               report = report || '{"lapsed": true}'
         where job = %(job)s
           and not dry_run
           and finished_at is null
           and lease_until < now()
        """,
        nothing,
        job=job,
    )


def begin(run: UUID, job: str, lease_seconds: float, *, dry_run: bool) -> Statement[JobRun]:
    """Insert a run with the lease, which continues where the last one stopped. No row: another run has the
    lease.

    A dry run needs no lease and starts from the beginning.
    """
    return Statement(
        """
        insert into job_runs (id, job, dry_run, cursor, lease_until)
        values (%(run)s, %(job)s, %(dry_run)s,
                case when not %(dry_run)s
                     then (select cursor
                             from job_runs
                            where job = %(job)s
                              and not dry_run
                            order by started_at desc, id desc
                            limit 1) end,
                now() + make_interval(secs => %(lease_seconds)s))
        on conflict do nothing
        returning id, cursor
        """,
        JobRun,
        run=run,
        job=job,
        lease_seconds=lease_seconds,
        dry_run=dry_run,
    )


def save(
    run: UUID,
    cursor: Mapping[str, Any] | None,
    report: Mapping[str, Any],
    lease_seconds: float,
    *,
    finished: bool,
) -> Statement[JobRun]:
    """Save the run's cursor and report, and renew the lease; a finished run gives up the lease. No row: the
    lease was lost.
    """
    from psycopg.types.json import Jsonb  # get_me imports no query that needs it

    return Statement(
        """
        update job_runs
           set cursor = %(cursor)s,
               report = %(report)s,
               lease_until = now() + make_interval(secs => %(lease_seconds)s),
               finished_at = case when %(finished)s then now() end
         where id = %(run)s
           and finished_at is null
        returning id, cursor
        """,
        JobRun,
        run=run,
        cursor=None if cursor is None else Jsonb(dict(cursor)),
        report=Jsonb(dict(report)),
        lease_seconds=lease_seconds,
        finished=finished,
    )
