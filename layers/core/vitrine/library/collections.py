"""Collections: listing, creating, changing, deleting and restoring them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from vitrine import queries, storage
from vitrine.credentials import mint_id
from vitrine.db import read, transaction, write
from vitrine.errors import Conflict, ServiceUnavailable
from vitrine.library import clean_name, deletions, not_found, objects
from vitrine.models.deletions import Deleted, Restored
from vitrine.models.places import Collection

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.people import Caller
    from vitrine.models.uploads import Upload

CollectionCheck = Callable[[Collection], None]  # examines a collection before a change, and may raise
# A deletion aborts this many uploads in the store itself, at about 0.1 s each. The sweep aborts the others.
ABORTED_AT_ONCE = 50


def list_active(caller: Caller) -> list[Collection]:
    """The collections of the caller's organization, oldest first."""
    return read(caller, queries.collections.list_active(caller.organization_id))


def get(caller: Caller, collection: UUID) -> Collection:
    """The collection. Raises NotFound when it is deleted or never existed."""
    found = read(caller, queries.collections.get(caller.organization_id, collection))
    if not found:
        raise not_found("collection")
    return found[0]


def create(caller: Caller, name: str, icon: str | None) -> Collection:
    """A new, empty collection. Names may repeat. Raises Invalid for an invalid name or icon."""
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
    """Set the collection's name and icon, and return the collection. None leaves a value unchanged; an empty
    icon removes the icon.

    `check` gets the collection as it is before, and may raise. Raises Invalid for an invalid name or icon,
    NotFound when the collection does not exist.
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
    """Move the collection to the trash with all its items that are not deleted yet, and abort its uploads:
    one deletion, which `restore` can reverse.

    `check` gets the collection as it is before, and may raise. Raises NotFound when the collection does not
    exist or is deleted already, Conflict when it is the default collection or has more items than one
    deletion can mark.
    """
    organization, deletion = caller.organization_id, mint_id()

    def work(db: Transaction) -> tuple[Deleted, list[Upload]]:
        db.queue(queries.uploads.lock_open(organization, collection))
        locked = _lock(db, organization, collection)
        if locked.is_default:
            raise Conflict("The default collection cannot be deleted", code="default_collection")
        limit = deletions.MAX_DELETED_AT_ONCE
        if db.run(queries.trash.lock_collection_items(organization, collection, limit + 1))[0].n > limit:
            raise Conflict(
                f"More than {limit:,} items cannot be deleted at once; delete the folders in it one by one"
            )
        if check is not None:
            check(locked)

        deletions.create(db, caller, deletion, "collection", collection)
        db.queue(queries.collections.mark(organization, deletion, collection, caller.user_id))
        db.queue(queries.trash.mark_collection_items(organization, deletion, collection, caller.user_id))
        aborted = db.run(queries.uploads.abort_in(organization, collection))
        return Deleted(collection, deletion, deletions.move_to_trash(db, organization, deletion)), aborted

    deleted, aborted = transaction(caller, work)
    with suppress(ServiceUnavailable):  # the sweep tries again
        for upload in aborted[:ABORTED_AT_ONCE]:
            if upload.store_upload_id is not None:
                storage.abort(upload.key, upload.store_upload_id)
            objects.discard(caller, organization, upload.key)
    return deleted


def restore(caller: Caller, collection: UUID) -> Restored:
    """Reverse the deletion of this collection: the collection and all items that were deleted with it are
    active again, in their former places.

    Items that were deleted earlier stay deleted, and aborted uploads stay aborted. Exceeding the quota is
    allowed. Raises Conflict when the collection is not deleted, Gone when its deletion is being purged or
    was.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Restored:
        db.queue(queries.collections.lock_in_any_state(organization, collection))
        deletion = deletions.require_restorable(
            db.first(queries.deletions.lock(organization, collection)), "collection"
        )
        db.queue(queries.collections.unmark(organization, collection, caller.user_id))
        deletions.restore(db, caller, [deletion])
        return Restored(collection, deletion.id, deletion.item_count)

    return transaction(caller, work)


def _lock(db: Transaction, organization: UUID, collection: UUID) -> Collection:
    locked = db.first(queries.collections.lock(organization, collection))
    if locked is None:
        raise not_found("collection")
    return locked
