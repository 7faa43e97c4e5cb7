"""Runs of scheduled jobs: the unfinished one holds the lease, and the last one knows where the next goes
on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Run:
    id: UUID
    cursor: dict[str, Any] | None  # where it goes on; None: from the start


def give_up_lapsed(job: str) -> Statement[object]:
    """A run whose lease is over has ended: its process died, or it was cut."""
    return Statement(
        """
        update job_runs
           set finished_at = now(), report = report || '{"lapsed": true}'
         where job = %(job)s
           and not dry_run
           and finished_at is null
           and lease_until < now()
        """,
        nothing,
        job=job,
    )


def begin(run: UUID, job: str, lease_seconds: float, *, dry_run: bool) -> Statement[Run]:
    """The run has the lease and goes on where the last one stopped (a dry run needs no lease and starts
    afresh). No row: another has it.
    """
    return Statement(
        """
        insert into job_runs (id, job, dry_run, cursor, lease_until)
        values (%(run)s, %(job)s, %(dry_run)s,
                case when not %(dry_run)s
                     then (select cursor from job_runs where job = %(job)s and not dry_run order by started_at desc, id desc limit 1) end,
                now() + make_interval(secs => %(lease_seconds)s))
        on conflict do nothing
        returning id, cursor
        """,
        Run,
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
) -> Statement[Run]:
    """Where the run is and what it has done; the lease is renewed, or given back at the end. No row: the
    lease was lost.
    """
    from psycopg.types.json import Jsonb

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
        Run,
        run=run,
        cursor=None if cursor is None else Jsonb(dict(cursor)),
        report=Jsonb(dict(report)),
        lease_seconds=lease_seconds,
        finished=finished,
    )
