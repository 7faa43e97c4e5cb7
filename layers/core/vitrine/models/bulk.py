"""One action on many items, and its outcome for each of them.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
    from uuid import UUID

    from vitrine.errors import ApiError
else:
    from vitrine.records import dataclass


@dataclass(frozen=True, slots=True)
class Move:
    """Into a folder of the items' collection, or to its root."""

    destination: str  # a path, whose last id decides


@dataclass(frozen=True, slots=True)
class Delete:
    """Into the trash, folders with everything below them: one act for each collection."""


@dataclass(frozen=True, slots=True)
class Restore:
    """The acts that took the items are reversed, whole."""


@dataclass(frozen=True, slots=True)
class AddTag:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class RemoveTag:
    label: str
    value: str | None  # None: all of the label


Action = Move | Delete | Restore | AddTag | RemoveTag


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of one of the items, or would."""

    id: UUID
    error: ApiError | None = None  # None: it is as the action says
    changed: bool = True  # False: it was so already, or is refused
    path: str | None = None  # of a moved item: where it lies
    deletion_id: UUID | None = None  # of a deleted or restored one: the act


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One for each item, in the order in which they were named first."""

    items: tuple[Outcome, ...]
    count: int | None = None  # files that were deleted or restored, versions counted; None: of another action
