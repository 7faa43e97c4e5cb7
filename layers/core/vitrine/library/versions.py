"""Versions of an item: listing, showing, selecting, deleting and restoring them, and which one the item
shows.

One is active: the one that somebody selected, else the newest that is ready. Who changes a version holds its
item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import read, transaction
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.library import deletions as deletions
from vitrine.models.deletions import DeletedVersion
from vitrine.models.media import Media

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.people import Caller
MediaCheck = Callable[[Media], None]
MAX_VERSIONS = 200  # that live, of one item: they are listed without pages
NO_MEDIA, NO_VERSION = "Media not found", "Version not found"
FOLDER = "A folder has no versions"


def get(caller: Caller, version: UUID) -> Media:
    """The version as itself, whether its item shows it or not. Raises NotFound: it or its item is
    deleted, or it was never there.
    """
    found = read(caller, queries.versions.get(caller.organization_id, version))
    if not found:
        raise NotFound(NO_MEDIA)
    return found[0]


def list_of_item(caller: Caller, item: UUID) -> list[Media]:
    """The versions of an item, or of the item that a version is of, each as itself, the first one first.
    Raises NotFound; Invalid for a folder.
    """
    found = read(
        caller, queries.versions.list_of_item(caller.organization_id, get_item(caller, item).media_id)
    )
    if not found:
        raise NotFound(NO_MEDIA)
    return found


def get_item(caller: Caller, item: UUID) -> queries.versions.VersionedItem:
    """The item, or the item that a version is of. Raises NotFound; Invalid for a folder."""
    found = read(caller, queries.versions.get_item(caller.organization_id, item))
    if not found:
        raise NotFound(NO_MEDIA)
    if found[0].is_folder:
        raise Invalid(FOLDER)
    return found[0]


def select(caller: Caller, version: UUID, *, check: MediaCheck | None = None) -> Media:
    """The item of this version shows it, also when newer ones come, unless it is itself the newest that is
    ready. What the item is now.

    `check` judges the item as it is before, and may raise. Raises NotFound, Invalid for a folder, Conflict
    while there is nothing to show of it.
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
        raise NotFound(NO_MEDIA)
    return selected


def delete(
    caller: Caller, version: UUID, *, of: UUID | None = None, check: MediaCheck | None = None
) -> DeletedVersion:
    """The version is in the trash, and its item shows another where it showed this one. An act of its own,
    which a restore can reverse.

    `of`: the item (or another version of it) that it must be a version of; None: any, but for the first.
    `check` judges the item as it is before,
    and may raise. Raises NotFound (a second time, too), Invalid for an item's first version, which goes with
    its item, Conflict for the only one.
    """
    organization, deletion = caller.organization_id, mint_id()

    def work(db: Transaction) -> DeletedVersion:
        db.queue(queries.collections.lock_for_change(organization, version))
        db.queue(queries.versions.lock_item_of(organization, version))
        locked = db.first(queries.versions.get_locked(organization, version))
        if locked is None or locked.status != "active" or locked.media_status != "active":
            raise NotFound(NO_MEDIA if of is None else NO_VERSION)
        if of is not None and of != locked.media_id:
            asked = db.first(queries.versions.get_locked(organization, of))
            if asked is None or asked.status != "active" or asked.media_id != locked.media_id:
                raise NotFound(NO_VERSION)
        # an item that was deleted when it was looked for, and is back
        if version == locked.media_id and of is None:
            raise NotFound(NO_MEDIA)
        if version == locked.media_id:
            raise Invalid("The first version cannot be deleted alone; delete the item", code="first_version")
        if not db.run(queries.versions.get_others(organization, version))[0].beside:
            raise Conflict("The only version cannot be deleted alone; delete the item", code="only_version")
        if check is not None:
            check(db.run(queries.media.get_without_counts(organization, locked.media_id))[0])

        deletions.begin(db, caller, deletion, "version", version)
        db.queue(queries.versions.mark(organization, deletion, version))
        deletions.take(db, organization, deletion)
        shown = show_active(db, organization, locked.media_id, caller.user_id)
        return DeletedVersion(version, deletion, shown if locked.is_active else None)

    return transaction(caller, work)


# In the transaction of somebody else.


def restore(db: Transaction, caller: Caller, deletion: queries.deletions.Deletion) -> None:
    """The version that the act took lives again, and its item shows it where it is the newest and none is
    selected.

    Raises Conflict when its item is deleted, NotFound when it was refused meanwhile.
    """
    organization = caller.organization_id
    db.queue(queries.versions.lock_item_of(organization, deletion.root_id))
    locked = db.first(queries.versions.get_locked(organization, deletion.root_id))
    if locked is None:
        raise NotFound(NO_MEDIA)
    if locked.media_status != "active":
        raise Conflict("The item of this version is deleted; restore the item first", code="item_deleted")
    deletions.give_back(db, caller, [deletion])
    show_active(db, organization, locked.media_id, caller.user_id)


def show_active(db: Transaction, organization: UUID, item: UUID, actor: UUID | None = None) -> UUID:
    """The item, which is held, shows the version that is to be active, and is counted by it: that version."""
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
    """A version that is refused is gone: with its item, where it was the only one; else the item shows
    another.

    False, and nothing has happened: all else there is of the item was deleted before it and can still come
    back, so it has to stay.
    """
    others = db.run(queries.versions.get_others(organization, locked.id))[0]
    if others.any and not others.beside:
        return False
    if others.any:
        db.queue(queries.versions.delete(organization, locked.id))
        db.queue(queries.deletions.end_if_empty(organization, locked.id))
        show_active(db, organization, locked.media_id)
        return True
    # by its head, within the request that brought it
    if locked.media_status == "active" and locked.media_verified:
        db.queue(
            queries.counts.entry(organization, locked.collection_id, locked.place_id, locked.media_type, -1)
        )
    db.queue(queries.versions.delete_media(organization, locked.media_id))
    db.queue(queries.deletions.end_if_empty(organization, locked.media_id))
    return True
