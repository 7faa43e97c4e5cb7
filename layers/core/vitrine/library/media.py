"""Items: browsing, listing, showing, renaming, describing, moving, deleting and restoring them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args
from uuid import UUID

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import read, read_all, transaction
from vitrine.errors import Conflict, Invalid
from vitrine.library import clean_name, deletions, folders, not_found, tags, versions
from vitrine.library.deletions import MAX_DELETED_AT_ONCE
from vitrine.models.deletions import Deleted, Restored, Trashed
from vitrine.models.media import Media, MediaType
from vitrine.models.pages import Cursor, Page
from vitrine.models.places import MAX_FOLDER_DEPTH
from vitrine.queries.files import Order

if TYPE_CHECKING:
    from vitrine.db import Transaction
    from vitrine.models.media import Description, DescriptionChanges, MediaCheck
    from vitrine.models.people import Caller
    from vitrine.models.places import FolderPath

TypeFilter = Literal["all"] | MediaType
FileTypeFilter = Literal["all", "image", "video", "pdf"]

TYPES: tuple[MediaType, ...] = get_args(MediaType)
FILE_TYPES: tuple[MediaType, ...] = tuple(each for each in TYPES if each != "folder")
NOT_A_FOLDER = "destinationPath is a file, not a folder"


def browse(
    caller: Caller,
    collection: UUID,
    *,
    path: str | None = None,
    type: TypeFilter = "all",
    limit: int = 10,
    offset: int = 0,
    cursor: Cursor | None = None,
) -> Page[Media]:
    """A page of the items directly in a place (None: the collection's root), newest first, then by id.
    `total` counts the items of the requested type.

    Raises NotFound when the collection, or the folder in it, does not exist; Invalid when `path` is not a
    path or is a file's, or when the cursor is not of this listing.
    """
    organization = caller.organization_id
    place = folders.parse(path).place_id if path is not None else collection
    wanted = None if type == "all" else type

    # One round trip: the page is read together with its place, and discarded when the place does not exist.
    place_rows, totals, items = read_all(
        caller,
        queries.folders.get_place(organization, collection, place),
        queries.browse.total(organization, place, [wanted] if wanted else TYPES),
        queries.browse.page(organization, place, wanted, limit=limit + 1, offset=offset)
        if cursor is None
        else queries.browse.page_after(
            organization, place, wanted, _created_at(cursor), cursor.id, limit=limit + 1, offset=offset
        ),
    )
    folders.check_place(place_rows[0] if place_rows else None, place)
    more = len(items) > limit
    items = items[:limit]
    return Page(
        tuple(items),
        totals[0].total,
        Cursor(items[-1].created_at.isoformat(), items[-1].id) if more and items else None,
    )


def list_files(
    caller: Caller,
    *,
    search: str = "",
    tag_ids: Sequence[UUID] | None = None,
    tag_slugs: Sequence[str] | None = None,
    type: FileTypeFilter = "all",
    order_by: Order = "createdAt",
    descending: bool = True,
    limit: int = 20,
    offset: int = 0,
) -> Page[Media]:
    """A page of the organization's verified files in all collections and folders; never folders. The page has
    an offset only, so `next` is None.

    `search` ("": no filter) selects the files that have all of its words, in any inflected form, in title,
    filename, alt and caption together, or that contain it in one of these. `tag_ids` and `tag_slugs` (None:
    no filter) select the files that have one of the first and one of the second; hidden tags match too.
    """
    organization = caller.organization_id
    wanted = None if type == "all" else type
    if (tag_ids is not None and not tag_ids) or (tag_slugs is not None and not tag_slugs):
        return Page((), 0, None)
    if search or tag_ids is not None or tag_slugs is not None:
        matches = read(
            caller,
            queries.files.matching(
                organization,
                search=search,
                tag_ids=tag_ids,
                tag_slugs=tag_slugs,
                type=wanted,
                order_by=order_by,
                descending=descending,
                limit=limit,
                offset=offset,
            ),
        )
        return Page(
            tuple(match.media for match in matches if match.media is not None), matches[0].total, None
        )
    totals, items = read_all(
        caller,
        queries.files.total(organization, [wanted] if wanted else FILE_TYPES),
        queries.files.page(organization, wanted, order_by, descending=descending, limit=limit, offset=offset),
    )
    return Page(tuple(items), totals[0].total, None)


def get(caller: Caller, item: UUID) -> Media:
    """The item, file or folder, verified or not. For the id of a version other than the first, that version.
    Raises NotFound when it is deleted or never existed.
    """
    found = read(caller, queries.media.get(caller.organization_id, item))
    return found[0] if found else versions.get(caller, item)


def get_file(caller: Caller, item: UUID) -> Media:
    """The item, if `list_files` lists it. Raises NotFound otherwise."""
    found = read(caller, queries.media.get(caller.organization_id, item))
    if not found or not found[0].is_verified_file:
        raise not_found("media")
    return found[0]


def get_folder(caller: Caller, item: UUID) -> Media:
    """The folder, without the values that count its content. Raises NotFound when it is deleted, never
    existed, or is a file.
    """
    found = read(caller, queries.media.get_without_counts(caller.organization_id, item))
    if not found or found[0].type != "folder":
        raise not_found("folder")
    return found[0]


def update(
    caller: Caller,
    item: UUID,
    *,
    name: str | None = None,
    description: Description | None = None,
    check: MediaCheck | None = None,
    only_folders: bool = False,
) -> Media:
    """Set the item's name, and replace its whole description with its tags. None leaves either unchanged.
    Returns the item.

    `check` gets the item as it is before, and may raise. Raises Invalid for an invalid name, tag or metadata;
    NotFound when the item does not exist, or with `only_folders` when it is a file.
    """
    organization = caller.organization_id
    name = None if name is None else clean_name(name)
    labels = None if description is None else tags.clean(description.tags)

    def work(db: Transaction) -> Media:
        locked = db.first(queries.media.lock(organization, item))
        if locked is None or (only_folders and locked.type != "folder"):
            raise not_found("folder" if only_folders else "media")
        if check is not None:
            check(db.run(queries.media.get_without_counts(organization, item))[0])
        if name is not None:
            db.queue(queries.media.rename(organization, item, name, caller.user_id))
        if description is not None and labels is not None:
            db.queue(queries.media.replace_description(organization, item, description, caller.user_id))
            tags.replace(db, organization, item, labels, actor=caller.user_id)
        return db.run(queries.media.get(organization, item))[0]

    return transaction(caller, work)


def describe(caller: Caller, item: UUID, changes: DescriptionChanges) -> Media:
    """Change these fields of a file's description, and return the file. Raises NotFound when `list_files`
    does not list it.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Media:
        lock_file(db, organization, item)
        db.queue(queries.media.change_description(organization, item, changes, caller.user_id))
        return db.run(queries.media.get_without_counts(organization, item))[0]

    return transaction(caller, work)


def lock_file(db: Transaction, organization: UUID, item: UUID) -> None:
    """Lock the row of an item that `list_files` lists, so that other transactions cannot change it. Raises
    NotFound when it is not listed.
    """
    locked = db.first(queries.media.lock_place(organization, item))
    if locked is None or locked.type == "folder" or not locked.verified:
        raise not_found("media")


def move(caller: Caller, item: UUID, *, to: FolderPath, check: MediaCheck | None = None) -> Media:
    """Move the item, and everything below it, into the place that `to` ends in, within its collection.
    Returns the item, without the values that count a folder's content.

    Files below the item are not touched: a file's row names only its parent folder. Nothing changes when the
    item is in that place already. `check` gets the item as it is before, and may raise.

    Raises NotFound when the item or the place does not exist. Raises Invalid when the place is a file, in
    another collection, the item itself or below it; or when a folder below the item, deleted ones included,
    would be nested too deep.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Media:
        db.queue(queries.collections.lock_for_change(organization, item))
        locked = db.first(queries.media.lock_place(organization, item))
        if locked is None:
            raise not_found("media")
        target = check_destination(
            locked, db.first(queries.folders.get_destination(organization, to.place_id))
        )
        moves = to.place_id != locked.place_id
        if locked.path is not None and moves:
            check_depth(locked.path, db.run(queries.folders.get_depth(item))[0].depth, target)
        if check is not None:
            check(db.run(queries.media.get_without_counts(organization, item))[0])
        if moves:
            db.queue(queries.media.set_folder(organization, item, target.folder_id, caller.user_id))
            if locked.path is not None:
                db.queue(queries.folders.reroot(organization, item, target))
            if locked.verified:
                db.queue(
                    queries.counts.entry(organization, locked.collection_id, locked.place_id, locked.type, -1)
                )
                db.queue(
                    queries.counts.entry(organization, locked.collection_id, to.place_id, locked.type, 1)
                )
        return db.run(queries.media.get_without_counts(organization, item))[0]

    return transaction(caller, work)


def check_destination(
    moved: queries.media.PlacedItem, found: queries.folders.Destination | None
) -> FolderPath:
    """The path of the place into which the item is to be moved.

    Raises NotFound when the place does not exist; Invalid when the place is in another collection, a file,
    the item itself, or a folder below the item.
    """
    if found is None:
        raise not_found("folder")
    if found.collection_id != moved.collection_id:
        raise Invalid("destinationPath is in another collection; items move within their own")
    if found.path is None:
        raise Invalid(NOT_A_FOLDER)
    if moved.path is not None and found.path.within(moved.path):
        raise Invalid("A folder cannot be moved into itself or into a folder below it")
    return found.path


def check_depth(path: FolderPath, deepest: int, under: FolderPath) -> None:
    """Check that the folder at `path` can be moved into the place `under`. `deepest`: the present depth of
    the deepest folder below the moved one, or of itself.

    Raises Invalid when folders would be nested deeper than MAX_FOLDER_DEPTH.
    """
    depth = deepest - path.depth + under.depth + 1
    if depth > MAX_FOLDER_DEPTH:
        raise Invalid(
            f"Folders can be nested {MAX_FOLDER_DEPTH} deep, and no deeper; this would make {depth}"
        )


def delete_folder(caller: Caller, item: UUID, *, check: MediaCheck | None = None) -> Deleted:
    """Move the folder to the trash with everything below it: one deletion, which `restore` can reverse.

    `check` gets the folder as it is before, and may raise. Raises NotFound when the folder does not exist, is
    deleted already, or is a file; Conflict when it has more items than one deletion can mark.
    """
    return delete(caller, get_folder(caller, item).id, check=check)


def delete(caller: Caller, item: UUID, *, check: MediaCheck | None = None) -> Deleted:
    """Move the item to the trash: a file with its versions, a folder with everything below it, or, for the id
    of a version other than the first, that version alone. One deletion, which `restore` can reverse.

    `check` gets the item as it is before, and may raise. Raises NotFound when the item does not exist or is
    deleted already; Conflict when a folder has more items than one deletion can mark, or for an only version.
    """
    organization, deletion = caller.organization_id, mint_id()

    def work(db: Transaction) -> Deleted | None:
        db.queue(queries.collections.lock_for_change(organization, item))
        locked = db.first(queries.media.lock(organization, item))
        if locked is None:
            return None
        is_folder = locked.type == "folder"
        if (
            is_folder
            and db.run(queries.trash.lock_below(organization, [item], MAX_DELETED_AT_ONCE))[0].n
            >= MAX_DELETED_AT_ONCE
        ):
            raise Conflict(
                f"More than {MAX_DELETED_AT_ONCE:,} items cannot be deleted at once; "
                "delete the folders in it one by one"
            )
        if check is not None:
            check(db.run(queries.media.get_without_counts(organization, item))[0])

        deletions.create(db, caller, deletion, "folder" if is_folder else "media", item)
        db.queue(queries.trash.mark(organization, deletion, item, caller.user_id))
        if is_folder:
            db.queue(queries.trash.mark_below(organization, deletion, [item], caller.user_id))
        return Deleted(item, deletion, deletions.move_to_trash(db, organization, deletion))

    deleted = transaction(caller, work)
    return (
        deleted
        if deleted is not None
        else Deleted(item, versions.delete(caller, item, check=check).deletion_id, 1)
    )


def restore(caller: Caller, item: UUID, *, only_files: bool = False) -> Restored:
    """Reverse the deletion that removed this item or version: all items of the deletion exist again, in their
    former places or in the nearest folder above that is not deleted.

    Items that were deleted earlier stay deleted. Exceeding the quota is allowed. Raises NotFound with
    `only_files` for a folder or a version; Conflict when the item is not deleted, or its collection, or the
    version's item, is; Gone when the deletion is being purged or was.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Restored:
        db.queue(queries.collections.lock_for_change(organization, item))
        found = db.first(queries.deletions.lock(organization, item))
        if found is not None and only_files and (found.is_folder or found.is_version):
            raise not_found("media")
        deletion = deletions.require_restorable(found, "item")
        if deletion.kind == "version":
            versions.restore(db, caller, deletion)
            return Restored(item, deletion.id, deletion.item_count)
        if deletions.relocate_roots(db, organization, [deletion.id]):
            raise Conflict(deletions.COLLECTION_DELETED)
        deletions.restore(db, caller, [deletion])
        return Restored(item, deletion.id, deletion.item_count)

    return transaction(caller, work)


def list_trash(caller: Caller, *, limit: int, cursor: Cursor | None = None) -> Page[Trashed]:
    """A page of the deletions that can be reversed, newest first. `total` counts this page only. Raises
    Invalid for a cursor that is not of this listing.
    """
    before = None if cursor is None else (_created_at(cursor), cursor.id)
    rows = read(caller, queries.deletions.in_trash(caller.organization_id, before=before, limit=limit + 1))
    page = rows[:limit]
    return Page(
        tuple(page),
        len(page),
        Cursor(page[-1].at.isoformat(), page[-1].id) if len(rows) > limit else None,
    )


def _created_at(cursor: Cursor) -> datetime:
    try:
        created_at: datetime | None = datetime.fromisoformat(cursor.key)
    except ValueError:
        created_at = None
    if created_at is None or created_at.tzinfo is None:
        raise Invalid("cursor is not one that this listing gave")
    return created_at
