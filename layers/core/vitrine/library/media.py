"""Items: browsing, listing, showing, renaming, describing, moving and deleting them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args
from uuid import UUID

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import read, read_all, transaction
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.library import clean_name, folders, tags, versions
from vitrine.library import deletions as deletions
from vitrine.library.deletions import MAX_DELETED_AT_ONCE
from vitrine.models.deletions import Deleted, Restored, Trashed
from vitrine.models.media import Media, MediaType
from vitrine.models.pages import Cursor, Page
from vitrine.models.places import MAX_FOLDER_DEPTH
from vitrine.queries.files import Order

if TYPE_CHECKING:
    from vitrine.db import Transaction
    from vitrine.models.media import Description, DescriptionChanges
    from vitrine.models.people import Caller
    from vitrine.models.places import FolderPath

Wanted = Literal["all"] | MediaType
WantedFiles = Literal["all", "image", "video", "pdf"]

TYPES: tuple[MediaType, ...] = get_args(MediaType)
FILE_TYPES: tuple[MediaType, ...] = tuple(each for each in TYPES if each != "folder")
MediaCheck = Callable[[Media], None]
NO_MEDIA, NO_FOLDER, NOT_A_FOLDER = (
    versions.NO_MEDIA,
    "Folder not found",
    "destinationPath is a file, not a folder",
)


def browse(
    caller: Caller,
    collection: UUID,
    *,
    path: str | None = None,
    type: Wanted = "all",
    limit: int = 10,
    offset: int = 0,
    cursor: Cursor | None = None,
) -> Page[Media]:
    """What lies directly in a place (None: the collection's root), newest first, ties by id. `total` counts
    the items of the wanted type.

    Raises NotFound when the collection, or the folder in it, is not there; Invalid when `path` is none or a
    file, or the cursor not of this listing.
    """
    organization = caller.organization_id
    place = folders.parse(path).place_id if path is not None else collection
    wanted = None if type == "all" else type

    # One round trip: the page is read beside the question whether its place is there, and thrown away where
    # it is not.
    found, totals, items = read_all(
        caller,
        queries.folders.get_place(organization, collection, place),
        queries.browse.total(organization, place, [wanted] if wanted else TYPES),
        queries.browse.page(organization, place, wanted, limit=limit + 1, offset=offset)
        if cursor is None
        else queries.browse.page_after(
            organization, place, wanted, _created_at(cursor), cursor.id, limit=limit + 1, offset=offset
        ),
    )
    folders.check_place(found[0] if found else None, place)
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
    type: WantedFiles = "all",
    order_by: Order = "createdAt",
    descending: bool = True,
    limit: int = 20,
    offset: int = 0,
) -> Page[Media]:
    """The organization's verified files, in whatever collection and folder; never folders. Goes by offset
    alone: `next` is not given.

    `search` ("": all) finds a file by all of its words, in whatever form, in title, filename, alt and caption
    together, or as a part of one of them.
    `tag_ids` and `tag_slugs` (None: whether or not) find it by having any of the first and any of the second,
    hidden tags too.
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
    """The item, file or folder, verified or not yet; of a version that is not its first, that version.
    Raises NotFound: deleted, or never there.
    """
    found = read(caller, queries.media.get(caller.organization_id, item))
    return found[0] if found else versions.get(caller, item)


def get_file(caller: Caller, item: UUID) -> Media:
    """The item, if it is one that `files` lists. Raises NotFound where it is not."""
    found = read(caller, queries.media.get(caller.organization_id, item))
    if not found or found[0].type == "folder" or found[0].verified_at is None:
        raise NotFound(NO_MEDIA)
    return found[0]


def get_folder(caller: Caller, item: UUID) -> Media:
    """The folder, but for what it tells of its inside. Raises NotFound: deleted, never there, or a file."""
    found = read(caller, queries.media.get_without_counts(caller.organization_id, item))
    if not found or found[0].type != "folder":
        raise NotFound(NO_FOLDER)
    return found[0]


def update(
    caller: Caller,
    item: UUID,
    *,
    name: str | None = None,
    said: Description | None = None,
    check: MediaCheck | None = None,
    only_folders: bool = False,
) -> Media:
    """The item has this name, and what is said of it is said and nothing else; None: as it was. What it is
    now.

    `check` judges the item as it is before, and may raise. Raises Invalid for a name, tag or metadata that
    cannot be one, and NotFound when the item
    is not there, or with `only_folders` when it is a file.
    """
    organization = caller.organization_id
    missing = NO_FOLDER if only_folders else NO_MEDIA
    name = None if name is None else clean_name(name)
    groups = None if said is None else tags.clean(said.tags)

    def work(db: Transaction) -> Media:
        locked = db.first(queries.media.lock(organization, item))
        if locked is None or (only_folders and locked.type != "folder"):
            raise NotFound(missing)
        if check is not None:
            check(db.run(queries.media.get_without_counts(organization, item))[0])
        if name is not None:
            db.queue(queries.media.rename(organization, item, name, caller.user_id))
        if said is not None and groups is not None:
            db.queue(queries.media.replace_description(organization, item, said, caller.user_id))
            tags.replace(db, organization, item, groups, actor=caller.user_id)
        return db.run(queries.media.get(organization, item))[0]

    return transaction(caller, work)


def describe(caller: Caller, item: UUID, said: DescriptionChanges) -> Media:
    """This is said of the file, and the rest as before. What it is now. Raises NotFound where `files`
    does not list it.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Media:
        lock_file(db, organization, item)
        db.queue(queries.media.change_description(organization, item, said, caller.user_id))
        return db.run(queries.media.get_without_counts(organization, item))[0]

    return transaction(caller, work)


def lock_file(db: Transaction, organization: UUID, item: UUID) -> None:
    """The item is one that `files` lists, its row locked: who else changes it waits. Raises NotFound
    where it is not.
    """
    locked = db.first(queries.media.lock_place(organization, item))
    if locked is None or locked.type == "folder" or not locked.verified:
        raise NotFound(NO_MEDIA)


def move(caller: Caller, item: UUID, *, to: FolderPath, check: MediaCheck | None = None) -> Media:
    """The item lies in the place that `to` ends in, of its own collection, and everything below it has come
    along. What it is now, but for what a
    folder tells of its inside.

    Files are not touched: they name their folder and nothing above it. Where it lies there already nothing
    changes. `check` judges the item as it
    is before, and may raise. Raises NotFound when item or place is not there, Invalid when the place is a
    file, in another collection, the item
    itself or below it, or so deep that what is below the item, the trash included, would lie deeper than
    folders go.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Media:
        db.queue(queries.collections.lock_for_change(organization, item))
        locked = db.first(queries.media.lock_place(organization, item))
        if locked is None:
            raise NotFound(NO_MEDIA)
        target, under = check_destination(
            locked, db.first(queries.folders.get_destination(organization, to.place_id))
        )
        stays = to.place_id == locked.place_id
        if locked.path is not None and not stays:
            check_depth(locked.path, db.run(queries.folders.get_depth(item))[0].depth, under)
        if check is not None:
            check(db.run(queries.media.get_without_counts(organization, item))[0])
        if not stays:
            db.queue(queries.media.set_folder(organization, item, target, caller.user_id))
            if locked.path is not None:
                db.queue(queries.folders.reroot(organization, item, under))
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
) -> tuple[UUID | None, str]:
    """The folder to be put in (None: the root) and its path. Raises as `move` does."""
    if found is None:
        raise NotFound(NO_FOLDER)
    if found.collection_id != moved.collection_id:
        raise Invalid("destinationPath is in another collection; items move within their own")
    if found.path is None:
        raise Invalid(NOT_A_FOLDER)
    if moved.path is not None and f"{found.path}.".startswith(f"{moved.path}."):
        raise Invalid("A folder cannot be moved into itself or into a folder below it")
    return found.item_id, found.path


def check_depth(path: str, deepest: int, under: str) -> None:
    """Raises Invalid where a folder of this path cannot be put under another, since below it folders lie
    as deep as `deepest`.
    """
    depth = deepest - _depth(path) + _depth(under) + 1
    if depth > MAX_FOLDER_DEPTH:
        raise Invalid(
            f"Folders can be nested {MAX_FOLDER_DEPTH} deep, and no deeper; this would make {depth}"
        )


def _depth(path: str) -> int:
    """How many folders lie on the way of a path, from the collection on."""
    return path.count(".")


def delete_folder(caller: Caller, item: UUID, *, check: MediaCheck | None = None) -> Deleted:
    """As `delete`. Raises NotFound for a file too."""
    return delete(caller, get_folder(caller, item).id, check=check)


def delete(caller: Caller, item: UUID, *, check: MediaCheck | None = None) -> Deleted:
    """The item is in the trash, with its versions; a folder with everything below it; of a version that is
    not its first, that version alone. One
    act, which a restore can reverse.

    `check` judges the item as it is before, and may raise. Raises NotFound when it is not there (a second
    time, too), Conflict when the folder holds
    more than can go at once, or for an only version.
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
                f"More than {MAX_DELETED_AT_ONCE:,} items cannot be deleted at once; delete the folders in it one by one"
            )
        if check is not None:
            check(db.run(queries.media.get_without_counts(organization, item))[0])

        deletions.begin(db, caller, deletion, "folder" if is_folder else "media", item)
        db.queue(queries.trash.mark(organization, deletion, item, caller.user_id))
        if is_folder:
            db.queue(queries.trash.mark_below(organization, deletion, [item], caller.user_id))
        return Deleted(item, deletion, deletions.take(db, organization, deletion))

    deleted = transaction(caller, work)
    return (
        deleted
        if deleted is not None
        else Deleted(item, versions.delete(caller, item, check=check).deletion_id, 1)
    )


def restore(caller: Caller, item: UUID, *, only_files: bool = False) -> Restored:
    """The act of deletion that took this item, or version, is reversed: all it took lives again, where it
    lay, or in the nearest folder above that
    lives.

    What was deleted earlier stays deleted. Over the quota is allowed. Raises NotFound when it is a folder or
    a version and only files are meant (not
    `folders`), Conflict when it is not deleted or its collection is, or the version's item, Gone when the act
    is being purged or was.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Restored:
        db.queue(queries.collections.lock_for_change(organization, item))
        found = db.first(queries.deletions.lock(organization, item))
        if found is not None and only_files and (found.is_folder or found.is_version):
            raise NotFound(NO_MEDIA)
        deletion = deletions.reversible(found, "item")
        if deletion.kind == "version":
            versions.restore(db, caller, deletion)
            return Restored(item, deletion.id, deletion.item_count)
        if deletions.make_room(db, organization, [deletion.id]):
            raise Conflict(deletions.COLLECTION_DELETED)
        deletions.give_back(db, caller, [deletion])
        return Restored(item, deletion.id, deletion.item_count)

    return transaction(caller, work)


def list_trash(caller: Caller, *, limit: int, cursor: Cursor | None = None) -> Page[Trashed]:
    """The acts of deletion that can be reversed, newest first. `total` counts this page. Raises Invalid
    for a cursor that is none.
    """
    before = None if cursor is None else (_created_at(cursor), cursor.id)
    deletions = read(
        caller, queries.deletions.in_trash(caller.organization_id, before=before, limit=limit + 1)
    )
    page = deletions[:limit]
    return Page(
        tuple(page),
        len(page),
        Cursor(page[-1].at.isoformat(), page[-1].id) if len(deletions) > limit else None,
    )


def _created_at(cursor: Cursor) -> datetime:
    try:
        created_at: datetime | None = datetime.fromisoformat(cursor.key)
    except ValueError:
        created_at = None
    if created_at is None or created_at.tzinfo is None:
        raise Invalid("cursor is not one that this listing gave")
    return created_at
