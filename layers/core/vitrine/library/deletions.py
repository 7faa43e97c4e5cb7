"""Deletions: the steps of deleting and restoring, whatever was deleted. They run in the caller's transaction,
under its locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.errors import Conflict, Gone
from vitrine.models.places import FolderPath
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.deletions import DeletionKind
    from vitrine.models.people import Caller

COLLECTION_DELETED = "The collection of this item is deleted; restore the collection first"
# items, counting folders: they take about half of the statement time-out (docs/decisions/deletion.md)
MAX_DELETED_AT_ONCE = 25_000


def create(db: Transaction, caller: Caller, deletion: UUID, kind: DeletionKind, root: UUID) -> None:
    """Insert the deletion, of no items yet. Items can be marked with it in following statements."""
    db.queue(
        queries.trash.insert_deletion(
            caller.organization_id, deletion, kind, root, caller.user_id, settings().trash_days or None
        )
    )


def move_to_trash(db: Transaction, organization: UUID, deletion: UUID) -> int:
    """Move the items that are marked with this deletion to the trash: versions, ledger and counts follow
    them. Return the number of files, counting each version.
    """
    db.queue(queries.trash.mark_versions(organization, deletion))
    db.queue(queries.ledger.trash(organization, deletion))
    db.queue(queries.counts.trash(organization, deletion))
    return db.run(queries.trash.count_deletion(organization, deletion))[0].n


def require_restorable(
    deletion: queries.deletions.LockedDeletion | None, what: str
) -> queries.deletions.LockedDeletion:
    """Return the deletion if it can be restored. `what`: the noun in the error's sentence.

    Raises Conflict when there is no deletion, Gone when it is being purged or was.
    """
    if deletion is None:
        raise Conflict(f"This {what} is not deleted", code="not_deleted")
    if deletion.state != "trash":
        raise Gone(f"This {what} was deleted for good")
    return deletion


def relocate_roots(db: Transaction, organization: UUID, deletions: Sequence[UUID]) -> set[UUID]:
    """Move the roots of these deletions out of folders that stay deleted: each into the nearest folder above
    it that is not deleted or is restored by one of these deletions, else to the collection's root. Return the
    ids of the deletions that cannot be restored because their collection is deleted.

    Call this before `restore`, with the collections locked. All the other deletions can then be restored
    together.
    """
    roots = db.run(queries.deletions.roots(organization, deletions))
    for root in roots:
        if root.is_displaced and root.collection_is_active:
            # The roots are ordered by depth. A root inside another one is looked up after that has moved.
            place = db.run(queries.deletions.restore_place(organization, root.id, deletions))[0]
            if place.is_folder:
                db.queue(queries.folders.reroot(organization, root.id, FolderPath.parse(place.active_path)))
            db.queue(queries.deletions.set_parent(organization, root.id, place.active_id))
    return set(deletions) - {root.deletion_id for root in roots if root.collection_is_active}


def restore(db: Transaction, caller: Caller, deletions: Sequence[queries.deletions.LockedDeletion]) -> None:
    """Restore all items and versions of these deletions in their present places, and add them to ledger and
    counts again. No place may be in a folder that stays deleted: call `relocate_roots` before.
    """
    organization, ids = caller.organization_id, [deletion.id for deletion in deletions]
    # A worker that is making frames of one of these items commits first, or waits: the entries below include
    # them.
    db.queue(queries.deletions.lock_items(organization, ids))
    db.queue(queries.ledger.restore(organization, ids))
    db.queue(queries.counts.restore(organization, ids))
    db.queue(queries.deletions.unmark(organization, ids, caller.user_id))
    db.queue(queries.deletions.set_state(organization, ids, "restored"))
