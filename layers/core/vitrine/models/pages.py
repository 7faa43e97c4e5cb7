"""A page of a listing, the cursor that continues it, and the marker of a value that is not to be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass
    from uuid import UUID
else:
    from vitrine.records import dataclass

T = TypeVar("T")


class Unchanged:
    """The type of UNCHANGED, which stands in the place of a value that is to stay as it is."""


UNCHANGED: Final = Unchanged()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a listing. `next` continues after its last item; None at the end."""

    items: tuple[T, ...]
    total: int
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a listing continues: after the item with this sort key and id."""

    key: str
    id: UUID
