"""Collections: making, listing, changing, deleting and restoring them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from vitrine import queries, storage
from vitrine.credentials import mint_id
from vitrine.db import read, transaction, write
from vitrine.errors import Busy, Conflict, NotFound
from vitrine.library import clean_name, objects
from vitrine.library import deletions as deletions
from vitrine.models.deletions import Deleted, Restored
from vitrine.models.places import Collection

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.people import Caller
    from vitrine.models.uploads import Upload

CollectionCheck = Callable[[Collection], None]
MISSING = "Collection not found"
# uploads that a deletion takes out of the store itself, at some 0.1 s each; the sweep takes the others
ENDED_AT_ONCE = 50


def list_active(caller: Caller) -> list[Collection]:
    """The caller's organization's, oldest first."""
    return read(caller, queries.collections.list_active(caller.organization_id))


def get(caller: Caller, collection: UUID) -> Collection:
    """Raises NotFound: deleted, or never there."""
    found = read(caller, queries.collections.get(caller.organization_id, collection))
    if not found:
        raise NotFound(MISSING)
    return found[0]


def create(caller: Caller, name: str, icon: str | None) -> Collection:
    """There is a new, empty collection; names may repeat. Raises Invalid for a name or an icon that
    cannot be one.
    """
    collection = queries.collections.insert(
        caller.organization_id,
        mint_id(),
        clean_name(name),
        clean_name(icon, "icon") if icon is not None else None,
        caller.user_id,
    )
    return write(caller, collection)[0]


def update(
    caller: Caller,
    collection: UUID,
    *,
    name: str | None = None,
    icon: str | None = None,
    check: CollectionCheck | None = None,
) -> Collection:
    """It has this name and this icon, an empty one being none; None: as it was. What it is now.

    `check` judges the collection as it is before, and may raise. Raises Invalid for a name or an icon that
    cannot be one, NotFound.
    """
    organization = caller.organization_id
    name = clean_name(name) if name is not None else None
    icon = clean_name(icon, "icon") if icon else icon

    def work(db: Transaction) -> Collection:
        locked = _lock(db, organization, collection)
        if check is not None:
            check(locked)
        return db.run(queries.collections.update(organization, collection, name, icon, caller.user_id))[0]

    return transaction(caller, work)


def delete(caller: Caller, collection: UUID, *, check: CollectionCheck | None = None) -> Deleted:
    """The collection is in the trash with all that lived in it, and no upload goes there any more. One act,
    which `restore` can reverse.

    `check` judges the collection as it is before, and may raise. Raises NotFound when it is not there (a
    second time, too), Conflict when it is the
    default one or holds more than can go at once.
    """
    organization, deletion = caller.organization_id, mint_id()

    def work(db: Transaction) -> tuple[Deleted, list[Upload]]:
        db.queue(queries.uploads.lock_open(organization, collection))
        locked = _lock(db, organization, collection)
        if locked.is_default:
            raise Conflict("The default collection cannot be deleted", code="default_collection")
        most = deletions.MAX_DELETED_AT_ONCE
        if db.run(queries.trash.lock_collection_items(organization, collection, most + 1))[0].n > most:
            raise Conflict(
                f"More than {most:,} items cannot be deleted at once; delete the folders in it one by one"
            )
        if check is not None:
            check(locked)

        deletions.begin(db, caller, deletion, "collection", collection)
        db.queue(queries.collections.mark(organization, deletion, collection, caller.user_id))
        db.queue(queries.trash.mark_collection_items(organization, deletion, collection, caller.user_id))
        aborted = db.run(queries.uploads.abort_in(organization, collection))
        return Deleted(collection, deletion, deletions.take(db, organization, deletion)), aborted

    deleted, aborted = transaction(caller, work)
    with suppress(Busy):  # the sweep comes again
        for upload in aborted[:ENDED_AT_ONCE]:
            if upload.store_upload_id is not None:
                storage.abort(upload.key, upload.store_upload_id)
            objects.discard(caller, organization, upload.key)
    return deleted


def restore(caller: Caller, collection: UUID) -> Restored:
    """The act of deletion that took this collection is reversed: it lives again with all that went with it,
    where it lay.

    What was deleted earlier stays deleted, and aborted uploads stay aborted. Over the quota is allowed.
    Raises Conflict when it is not deleted, Gone
    when the act is being purged or was.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Restored:
        db.queue(queries.collections.lock_in_any_state(organization, collection))
        deletion = deletions.reversible(
            db.first(queries.deletions.lock(organization, collection)), "collection"
        )
        db.queue(queries.collections.unmark(organization, collection, caller.user_id))
        deletions.give_back(db, caller, [deletion])
        return Restored(collection, deletion.id, deletion.item_count)

    return transaction(caller, work)


def _lock(db: Transaction, organization: UUID, collection: UUID) -> Collection:
    locked = db.first(queries.collections.lock(organization, collection))
    if locked is None:
        raise NotFound(MISSING)
    return locked
