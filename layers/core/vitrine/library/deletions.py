"""Acts of deletion: what deleting and restoring come to, whatever it was that an act took. In the
caller's transaction, under its locks.
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
# items, folders counted: about half of what the statement time-out allows (docs/decisions.md)
MAX_DELETED_AT_ONCE = 25_000


def begin(db: Transaction, caller: Caller, deletion: UUID, kind: DeletionKind, root: UUID) -> None:
    """There is an act, of nothing yet: items can be marked with it."""
    db.queue(
        queries.trash.insert_deletion(
            caller.organization_id, deletion, kind, root, caller.user_id, settings().trash_days or None
        )
    )


def take(db: Transaction, organization: UUID, deletion: UUID) -> int:
    """The items marked with this act are in the trash, versions, ledger and counts too. How many files it
    took, versions counted.
    """
    db.queue(queries.trash.mark_versions(organization, deletion))
    db.queue(queries.ledger.trash(organization, deletion))
    db.queue(queries.counts.trash(organization, deletion))
    return db.run(queries.trash.count_deletion(organization, deletion))[0].n


def reversible(found: queries.deletions.Deletion | None, what: str) -> queries.deletions.Deletion:
    """The act, if it can be reversed. Raises Conflict when there is none, Gone when it is being purged or
    was; `what` names what it took.
    """
    if found is None:
        raise Conflict(f"This {what} is not deleted", code="not_deleted")
    if found.state != "trash":
        raise Gone(f"This {what} was deleted for good")
    return found


def make_room(db: Transaction, organization: UUID, deletions: Sequence[UUID]) -> set[UUID]:
    """What these acts took lies where it lay, or in the nearest folder above that lives once they are
    reversed. Those that have nowhere to go back
    to: their collections are deleted. To be sent under the locks of the collections; then the others can be
    given back, all of them.
    """
    roots = db.run(queries.deletions.roots(organization, deletions))
    for root in roots:
        if root.is_displaced and root.collection_lives:
            # folders first: what lies in them finds them where they are now
            place = db.run(queries.deletions.place(organization, root.id, deletions))[0]
            if place.is_folder:
                db.queue(queries.folders.reroot(organization, root.id, FolderPath.parse(place.living_path)))
            db.queue(queries.deletions.put_under(organization, root.id, place.living_id))
    return set(deletions) - {root.deletion_id for root in roots if root.collection_lives}


def give_back(db: Transaction, caller: Caller, deletions: Sequence[queries.deletions.Deletion]) -> None:
    """All that the acts took lives again where it lies, and they are done with. Where it lies must live,
    when all of them are.
    """
    organization, ids = caller.organization_id, [deletion.id for deletion in deletions]
    # whoever is making something of one: what that counts is seen below
    db.queue(queries.deletions.lock_items(organization, ids))
    db.queue(queries.ledger.restore(organization, ids))
    db.queue(queries.counts.restore(organization, ids))
    db.queue(queries.deletions.unmark(organization, ids, caller.user_id))
    db.queue(queries.deletions.become(organization, ids, "restored"))
