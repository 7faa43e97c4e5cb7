"""Folders: making them, and finding the place that a path means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.credentials import mint_id, mint_token
from vitrine.db import transaction
from vitrine.errors import Invalid, NotFound
from vitrine.library import clean_name
from vitrine.models.people import Caller
from vitrine.models.places import MAX_FOLDER_DEPTH, Folder, FolderPath

if TYPE_CHECKING:
    from vitrine.db import Transaction

_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def create(caller: Caller, collection: UUID, name: str, *, path: FolderPath | None, reuse: bool) -> Folder:
    """A folder of this name lies at `path` (None: the collection's root): a new one, or with `reuse` the
    oldest that had the name there.

    Raises NotFound when the collection or the folder at `path` is not there, Invalid when `path` is a file,
    when it is as deep as folders go,
    or when the name cannot be one.
    """
    organization = caller.organization_id
    name = clean_name(name)
    place = path.place_id if path is not None else collection

    def work(db: Transaction) -> Folder:
        db.queue(queries.collections.lock_for_insert(organization, collection))
        parent = check_place(db.first(queries.folders.get_place(organization, collection, place)), place)
        if reuse:
            db.queue(queries.folders.lock_name(place, name))
            there = db.first(queries.folders.list_named(organization, place, name))
            if there is not None:
                return there
        return insert(db, caller, parent, name)

    return transaction(caller, work)


def insert(db: Transaction, caller: Caller, parent: Folder, name: str) -> Folder:
    """A new folder lies in `parent`, whose collection is held for a birth. Raises Invalid when that is as
    deep as folders go.
    """
    if len(parent.path.folder_ids) >= MAX_FOLDER_DEPTH:
        raise Invalid(f"Folders can be nested {MAX_FOLDER_DEPTH} deep, and no deeper")
    path = parent.path.below(mint_id())
    db.queue(queries.counts.entry(caller.organization_id, path.collection_id, parent.id, "folder", 1))
    return db.run(queries.folders.insert(caller.organization_id, path, name, mint_token(), caller.user_id))[0]


def resolve(db: Transaction, organization: UUID, collection: UUID, path: str) -> Folder:
    """The place that a path means: its last id decides. A root is given as a Folder with the collection's id.

    Raises Invalid when the text is no path or means a file, NotFound when the collection, or such a folder in
    it, is not there.
    """
    place = parse(path).place_id
    return check_place(db.first(queries.folders.get_place(organization, collection, place)), place)


def parse(path: str, what: str = "path") -> FolderPath:
    """The ids of a path, in either spelling. Raises Invalid, calling it `what`."""
    labels = path.split(".", MAX_FOLDER_DEPTH)
    if not all(_ID.fullmatch(label) for label in labels):
        raise Invalid(f"{what} is not a path: ids joined by dots, from the collection down to a folder")
    collection, *folders = (UUID(label) for label in labels)
    return FolderPath(collection, tuple(folders))


def check_place(found: queries.folders.Place | None, place: UUID | None) -> Folder:
    """The root or folder that was asked for by this id (None: the root). Raises as `resolve` does."""
    if found is None:
        raise NotFound("Collection not found")
    if place is None or place == found.collection.id:
        return found.collection
    if found.folder is None and found.type is not None:
        raise Invalid("path is a file, not a folder")
    if found.folder is None:
        raise NotFound("Folder not found")
    return found.folder
