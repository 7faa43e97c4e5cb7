"""One action on many items, and its outcome for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
    from uuid import UUID

    from vitrine.errors import ApiError
    from vitrine.models.places import FolderPath
else:
    from vitrine.records import dataclass


@dataclass(frozen=True, slots=True)
class Move:
    """Move the items into a folder of their collection, or to its root."""

    destination: str  # a path as the client sent it; its last id decides


@dataclass(frozen=True, slots=True)
class Delete:
    """Move the items to the trash, folders with everything below them: one deletion for each collection."""


@dataclass(frozen=True, slots=True)
class Restore:
    """Reverse the deletions that removed the items; each deletion is reversed as a whole."""


@dataclass(frozen=True, slots=True)
class AddTag:
    """Attach the tag of this label and value to the items."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class RemoveTag:
    """Detach a tag from the items."""

    label: str
    value: str | None  # None: all values of the label


Action = Move | Delete | Restore | AddTag | RemoveTag


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the action did to one item, or, in a dry run, would do."""

    id: UUID
    error: ApiError | None = None  # None: the item is now as the action asks
    changed: bool = True  # False: the item was so already, or the action was rejected
    path: FolderPath | None = None  # of a moved item; ends in the item's own id
    deletion_id: UUID | None = None  # of a deleted or restored item


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One outcome for each item, in the order in which the items were first named."""

    items: tuple[Outcome, ...]
    count: int | None = None  # versions of files that were deleted or restored; None for other actions
