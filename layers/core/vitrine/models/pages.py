"""A page of a listing, the cursor that continues it, and the marker of a value that stays as it is.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass
    from uuid import UUID
else:
    from vitrine.records import dataclass

T = TypeVar("T")


class Unchanged:
    """In the place of a value: it is left as it is."""


UNCHANGED: Final = Unchanged()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a listing. `next` continues after its last item; None at the end."""

    items: tuple[T, ...]
    total: int
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a listing goes on: after the item with this sort key and id."""

    key: str
    id: UUID
