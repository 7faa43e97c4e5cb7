"""Versions of an item: listing, showing, selecting, deleting and restoring them.

An item shows one of its versions, the active version: the one that was selected, else the newest that is
ready. A transaction that changes a version locks its item first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import read, transaction
from vitrine.errors import Conflict, Invalid
from vitrine.library import deletions, not_found
from vitrine.models.deletions import DeletedVersion

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.media import Media, MediaCheck
    from vitrine.models.people import Caller

MAX_VERSIONS = 200  # of one item, not counting deleted ones: they are listed without pages
FOLDER = "A folder has no versions"


def get(caller: Caller, version: UUID) -> Media:
    """The version as itself, whether its item shows it or not. Raises NotFound when the version or its item
    is deleted, or the version never existed.
    """
    found = read(caller, queries.versions.get(caller.organization_id, version))
    if not found:
        raise not_found("media")
    return found[0]


def list_of_item(caller: Caller, item: UUID) -> list[Media]:
    """The versions of an item, each as itself, the first version first. `item` is the id of the item or of
    one of its versions. Raises NotFound; Invalid for a folder.
    """
    found = read(
        caller, queries.versions.list_of_item(caller.organization_id, get_item(caller, item).media_id)
    )
    if not found:
        raise not_found("media")
    return found


def get_item(caller: Caller, item: UUID) -> queries.versions.VersionedItem:
    """The item with this id, or the item of the version with this id. Raises NotFound; Invalid for
    a folder.
    """
    found = read(caller, queries.versions.get_item(caller.organization_id, item))
    if not found:
        raise not_found("media")
    if found[0].is_folder:
        raise Invalid(FOLDER)
    return found[0]


def select(caller: Caller, version: UUID, *, check: MediaCheck | None = None) -> Media:
    """Make this version the one that its item shows, and return the item. The item goes on showing
    it when newer versions arrive, unless it is itself the newest that is ready.

    `check` gets the item as it is before, and may raise. Raises NotFound, Invalid for a folder, Conflict when
    the version is not ready.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Media | None:
        db.queue(queries.versions.lock_item_of(organization, version))
        locked = db.first(queries.versions.get_locked(organization, version))
        if locked is None or locked.status != "active" or locked.media_status != "active":
            return None
        if locked.processing != "ready":
            raise Conflict(f"This version cannot be shown: it is {locked.processing}", code="not_ready")
        if check is not None:
            check(db.run(queries.media.get_without_counts(organization, locked.media_id))[0])
        db.queue(queries.versions.select(organization, locked.media_id, version))
        show_active(db, organization, locked.media_id, caller.user_id)
        return db.run(queries.media.get_without_counts(organization, locked.media_id))[0]

    selected = transaction(caller, work)
    if selected is None:
        get_item(caller, version)
        raise not_found("media")
    return selected


def delete(
    caller: Caller, version: UUID, *, of: UUID | None = None, check: MediaCheck | None = None
) -> DeletedVersion:
    """Move the version to the trash, as a deletion of its own. When the item showed this version, it then
    shows another one.

    `of` is the item that the version must belong to, or another version of that item. None: the version may
    belong to any item, but must not be its first. `check` gets the item as it is before, and may raise.

    Raises NotFound when the version does not exist or is deleted already, Invalid for an item's first
    version, which is deleted with its item, Conflict for the only version.
    """
    organization, deletion = caller.organization_id, mint_id()

    def work(db: Transaction) -> DeletedVersion:
        db.queue(queries.collections.lock_for_change(organization, version))
        db.queue(queries.versions.lock_item_of(organization, version))
        locked = db.first(queries.versions.get_locked(organization, version))
        if locked is None or locked.status != "active" or locked.media_status != "active":
            raise not_found("media" if of is None else "version")
        if of is not None and of != locked.media_id:
            named = db.first(queries.versions.get_locked(organization, of))
            if named is None or named.status != "active" or named.media_id != locked.media_id:
                raise not_found("version")
        # `media.delete` did not find the item, which was deleted then and has been restored since.
        if version == locked.media_id and of is None:
            raise not_found("media")
        if version == locked.media_id:
            raise Invalid("The first version cannot be deleted alone; delete the item", code="first_version")
        if not db.run(queries.versions.get_others(organization, version))[0].in_item_state:
            raise Conflict("The only version cannot be deleted alone; delete the item", code="only_version")
        if check is not None:
            check(db.run(queries.media.get_without_counts(organization, locked.media_id))[0])

        deletions.create(db, caller, deletion, "version", version)
        db.queue(queries.versions.mark(organization, deletion, version))
        deletions.move_to_trash(db, organization, deletion)
        shown = show_active(db, organization, locked.media_id, caller.user_id)
        return DeletedVersion(version, deletion, shown if locked.is_active else None)

    return transaction(caller, work)


# The following functions run in the caller's transaction.


def restore(db: Transaction, caller: Caller, deletion: queries.deletions.LockedDeletion) -> None:
    """Restore the version that this deletion removed. Its item shows it when it is the newest and none is
    selected.

    Raises Conflict when its item is deleted, NotFound when its bytes were rejected meanwhile and it was
    removed.
    """
    organization = caller.organization_id
    db.queue(queries.versions.lock_item_of(organization, deletion.root_id))
    locked = db.first(queries.versions.get_locked(organization, deletion.root_id))
    if locked is None:
        raise not_found("media")
    if locked.media_status != "active":
        raise Conflict("The item of this version is deleted; restore the item first", code="item_deleted")
    deletions.restore(db, caller, [deletion])
    show_active(db, organization, locked.media_id, caller.user_id)


def show_active(db: Transaction, organization: UUID, item: UUID, actor: UUID | None = None) -> UUID:
    """Choose again which version the locked item shows, and count the item by that version's type. Returns
    the version's id.
    """
    shown = db.run(queries.versions.show_active(organization, item, actor))[0]
    if shown.status == "active" and (shown.verified, shown.type) != (shown.was_verified, shown.was_type):
        if shown.was_verified:
            db.queue(
                queries.counts.entry(organization, shown.collection_id, shown.place_id, shown.was_type, -1)
            )
        if shown.verified:
            db.queue(queries.counts.entry(organization, shown.collection_id, shown.place_id, shown.type, 1))
    return shown.id


def remove_version(db: Transaction, organization: UUID, locked: queries.versions.LockedVersion) -> bool:
    """Remove a version whose bytes were rejected: together with its item when it is the only version; else
    the item shows another version.

    Returns False, and changes nothing, when all other versions of the item were deleted earlier and can still
    be restored: then the item must stay.
    """
    others = db.run(queries.versions.get_others(organization, locked.id))[0]
    if others.any and not others.in_item_state:
        return False
    if others.any:
        db.queue(queries.versions.delete(organization, locked.id))
        db.queue(queries.deletions.end_if_empty(organization, locked.id))
        show_active(db, organization, locked.media_id)
        return True
    # The first bytes were verified within the upload's request, so the item is counted already.
    if locked.media_status == "active" and locked.media_verified:
        db.queue(
            queries.counts.entry(organization, locked.collection_id, locked.place_id, locked.media_type, -1)
        )
    db.queue(queries.versions.delete_media(organization, locked.media_id))
    db.queue(queries.deletions.end_if_empty(organization, locked.media_id))
    return True
