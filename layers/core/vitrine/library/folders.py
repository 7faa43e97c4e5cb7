"""Folders: creating them, and finding the folder that a path names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.credentials import mint_id, mint_token
from vitrine.db import transaction
from vitrine.errors import Invalid
from vitrine.library import clean_name, not_found
from vitrine.models.people import Caller
from vitrine.models.places import MAX_FOLDER_DEPTH, Folder, FolderPath

if TYPE_CHECKING:
    from vitrine.db import Transaction

_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def create(caller: Caller, collection: UUID, name: str, *, path: FolderPath | None, reuse: bool) -> Folder:
    """A folder of this name at `path` (None: the collection's root): a new one, or with `reuse` the oldest
    existing one of this name there.

    Raises NotFound when the collection or the folder at `path` does not exist. Raises Invalid when `path` is
    a file or as deep as folders can be nested, or for an invalid name.
    """
    organization = caller.organization_id
    name = clean_name(name)
    place = path.place_id if path is not None else collection

    def work(db: Transaction) -> Folder:
        db.queue(queries.collections.lock_for_insert(organization, collection))
        parent = check_place(db.first(queries.folders.get_place(organization, collection, place)), place)
        if reuse:
            db.queue(queries.folders.lock_name(place, name))
            existing = db.first(queries.folders.list_named(organization, place, name))
            if existing is not None:
                return existing
        return insert(db, caller, parent, name)

    return transaction(caller, work)


def insert(db: Transaction, caller: Caller, parent: Folder, name: str) -> Folder:
    """A new folder in `parent`, whose collection is locked for inserts. Raises Invalid when `parent` is as
    deep as folders can be nested.
    """
    if parent.path.depth >= MAX_FOLDER_DEPTH:
        raise Invalid(f"Folders can be nested {MAX_FOLDER_DEPTH} deep, and no deeper")
    path = parent.path.below(mint_id())
    db.queue(queries.counts.entry(caller.organization_id, path.collection_id, parent.id, "folder", 1))
    return db.run(queries.folders.insert(caller.organization_id, path, name, mint_token(), caller.user_id))[0]


def resolve(db: Transaction, organization: UUID, collection: UUID, path: str) -> Folder:
    """The folder that a path names: its last id decides. A collection's root is returned as a Folder with the
    collection's id.

    Raises Invalid when the text is not a path or names a file, NotFound when the collection, or the folder in
    it, does not exist.
    """
    place = parse(path).place_id
    return check_place(db.first(queries.folders.get_place(organization, collection, place)), place)


def parse(path: str, what: str = "path") -> FolderPath:
    """The path that a client's text stands for, in either format of its ids. Raises Invalid otherwise; its
    sentence calls the path `what`.
    """
    labels = path.split(".", MAX_FOLDER_DEPTH)
    if not all(_ID.fullmatch(label) for label in labels):
        raise Invalid(f"{what} is not a path: ids joined by dots, from the collection down to a folder")
    collection, *folders = (UUID(label) for label in labels)
    return FolderPath(collection, tuple(folders))


def check_place(found: queries.folders.Place | None, place: UUID | None) -> Folder:
    """The root or folder with this id (None: the root), from the row that was read for it.

    Raises Invalid when the id is a file's, NotFound when the collection, or the folder in it, does not exist.
    """
    if found is None:
        raise not_found("collection")
    if place is None or place == found.collection.id:
        return found.collection
    if found.folder is None and found.type is not None:
        raise Invalid("path is a file, not a folder")
    if found.folder is None:
        raise not_found("folder")
    return found.folder
