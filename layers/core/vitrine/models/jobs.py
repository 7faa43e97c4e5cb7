"""What a scheduled job did in one step.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from vitrine.records import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """One thing a job did (or would do, on a dry run), and to what."""

    deed: str
    item: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What a job did in one bounded step. `cursor` goes on after it; None: the end was reached."""

    done: tuple[Done, ...]
    cursor: str | None
