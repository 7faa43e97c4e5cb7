"""What a scheduled job reports of one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from vitrine.records import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that a job did, or on a dry run would do: the deed and the id or key of its object."""

    deed: str
    item: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What a job did in one bounded step. The next step continues after `cursor`; None: there is no more."""

    done: tuple[Done, ...]
    cursor: str | None
