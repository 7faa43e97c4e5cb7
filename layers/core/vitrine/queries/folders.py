"""Folders and their paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

from vitrine.db import Statement, nothing
from vitrine.models.media import MediaType
from vitrine.models.places import Folder, FolderPath

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_COLUMNS: LiteralString = """
       folder.id, folder.collection_id, place.path::text as path, folder.name, folder.status,
       folder.created_at, folder.created_by
"""


@dataclass(frozen=True, slots=True)
class Place:
    """An active collection, and the item of it that has the requested id."""

    collection: Folder  # the collection's root
    type: MediaType | None  # the item's type; None: the collection has no active item of this id
    folder: Folder | None  # None: the id is not an active folder's


@dataclass(frozen=True, slots=True)
class Destination:
    """The item or collection into which something is to be moved."""

    collection_id: UUID
    path: FolderPath | None  # None for a file


@dataclass(frozen=True, slots=True)
class Depth:
    depth: int


def get_place(organization: UUID, collection: UUID | None, place: UUID | None) -> Statement[Place]:
    """The collection (None: the default one) and its folder `place` (None, or the collection's id: its root).

    No row: the collection is deleted or does not exist.
    """
    return Statement(
        """
        select collection.id as collection_id, collection.name as collection_name,
               collection.created_at as collection_created_at, collection.created_by as collection_created_by,
               item.id, item.type, place.path::text as path, item.name, item.created_at, item.created_by
          from collections collection
          left join media item on item.organization_id = %(organization)s
                              and item.id = %(place)s::uuid
                              and item.collection_id = collection.id
                              and item.status = 'active'
          left join folder_paths place on place.organization_id = %(organization)s
                                      and place.folder_id = item.id
         where collection.organization_id = %(organization)s
           and collection.id = coalesce(%(collection)s::uuid,
                                        (select id
                                           from collections
                                          where organization_id = %(organization)s
                                            and is_default))
           and collection.status = 'active'
        """,
        _place,
        organization=organization,
        collection=collection,
        place=place,
    )


def list_chain(
    organization: UUID, collection: UUID | None, place: UUID | None, names: Sequence[str]
) -> Statement[Folder]:
    """The folders that are nested in each other below a place and have these names, outermost first, as far
    as they exist.

    `place` None is the root of the collection, and `collection` None the default one. Where several folders
    have the same name, the oldest is taken.
    """
    return Statement(
        f"""
        with recursive walked as (
          select 0 as depth,
                 coalesce(%(place)s::uuid, %(collection)s::uuid,
                          (select id
                             from collections
                            where organization_id = %(organization)s
                              and is_default)) as id
          union all
          select walked.depth + 1, inner_folder.id
            from walked
           cross join lateral (select media.id
                                 from media
                                where media.organization_id = %(organization)s
                                  and media.place_id = walked.id
                                  and media.name collate "C" = (%(names)s::text[])[walked.depth + 1]
                                  and media.type = 'folder'
                                  and media.status = 'active'
                                order by media.id
                                limit 1) as inner_folder
           where walked.depth < cardinality(%(names)s::text[])
        )
        select {_COLUMNS}
          from walked
          join media folder on folder.organization_id = %(organization)s and folder.id = walked.id
          join folder_paths place on place.organization_id = %(organization)s and place.folder_id = folder.id
         where walked.depth > 0
         order by walked.depth
        """,
        _folder,
        organization=organization,
        collection=collection,
        place=place,
        names=list(names),
    )


def list_named(organization: UUID, place: UUID, name: str) -> Statement[Folder]:
    """The folders of this name directly in a place, oldest first."""
    return Statement(
        f"""
        select {_COLUMNS}
          from media folder
          join folder_paths place on place.organization_id = %(organization)s and place.folder_id = folder.id
         where folder.organization_id = %(organization)s
           and folder.place_id = %(place)s
           and folder.name collate "C" = %(name)s
           and folder.type = 'folder'
           and folder.status = 'active'
         order by folder.id
        """,
        _folder,
        organization=organization,
        place=place,
        name=name,
    )


def lock_name(place: UUID, name: str) -> Statement[object]:
    """Get an advisory lock on this folder name in this place, so that concurrent requests create
    one folder.
    """
    return Statement(
        """
        select pg_advisory_xact_lock(
                 hashtextextended('folder:' || %(place)s::text || ':' || %(name)s::text, 0)) is null as waited
        """,
        nothing,
        place=place,
        name=name,
    )


def insert(
    organization: UUID, path: FolderPath, name: str, link_token: str, creator: UUID
) -> Statement[Folder]:
    """Insert a folder at this path, whose last id is the folder's own. A folder has no bytes to verify, so it
    is verified from the start.
    """
    return Statement(
        f"""
        with folder as (
          insert into media (organization_id, id, collection_id, parent_id, type, name, link_token,
                             created_by, verified_at, created_at, updated_at)
          values (%(organization)s, %(id)s, %(collection)s, %(parent)s, 'folder', %(name)s, %(link_token)s,
                  %(creator)s, now(), now(), now())
          returning *
        ), place as (
          insert into folder_paths (organization_id, folder_id, path)
          values (%(organization)s, %(id)s, %(path)s::ltree)
          returning path
        )
        select {_COLUMNS} from folder cross join place""",
        _folder,
        organization=organization,
        id=path.place_id,
        collection=path.collection_id,
        parent=path.folder_ids[-2] if path.depth > 1 else None,
        path=str(path),
        name=name,
        link_token=link_token,
        creator=creator,
    )


def get_destination(organization: UUID, place: UUID) -> Statement[Destination]:
    """The active item or collection of this id, to move something into. No row: there is none."""
    return Statement(
        """
        select media.collection_id, place.path::text as path
          from media
          left join folder_paths place on place.organization_id = %(organization)s
                                      and place.folder_id = media.id
          join collections collection on collection.organization_id = %(organization)s
                                     and collection.id = media.collection_id
                                     and collection.status = 'active'
         where media.organization_id = %(organization)s
           and media.id = %(place)s
           and media.status = 'active'
        union all
        select id, replace(id::text, '-', '')
          from collections
         where organization_id = %(organization)s
           and id = %(place)s
           and status = 'active'
        """,
        _destination,
        organization=organization,
        place=place,
    )


def get_depth(folder: UUID) -> Statement[Depth]:
    """The number of folders on the way from the collection to the deepest folder below this one, or to
    itself. Deleted folders count too.
    """
    return Statement(
        """
        select max(nlevel(below.path)) - 1 as depth
          -- a security definer function: ltree operators cannot use an index under row-level security
          from subtree(%(folder)s) as below
        """,
        Depth,
        folder=folder,
    )


def reroot(organization: UUID, folder: UUID, under: FolderPath) -> Statement[object]:
    """Rewrite the paths of a folder and of all folders below it, deleted ones too, to lie under `under`.

    Files are not touched: a file's row names only its parent folder.
    """
    return Statement(
        """
        update folder_paths
           set path = %(under)s::ltree || subpath(folder_paths.path, nlevel(top.path) - 1)
          from folder_paths top
         where top.organization_id = %(organization)s
           and top.folder_id = %(folder)s
           and folder_paths.organization_id = %(organization)s
           -- an array, because a join reads all paths to find a hundred
           and folder_paths.folder_id = any(array(select id from subtree(%(folder)s)))
        """,
        nothing,
        organization=organization,
        folder=folder,
        under=str(under),
    )


def _destination(*, collection_id: UUID, path: str | None) -> Destination:
    return Destination(collection_id, None if path is None else FolderPath.parse(path))


def _folder(
    *,
    id: UUID,
    collection_id: UUID,
    path: str,
    name: str,
    created_at: datetime,
    created_by: UUID,
    status: str = "active",  # noqa: ARG001 - a column of the row; only active folders are read
) -> Folder:
    return Folder(id, collection_id, FolderPath.parse(path), name, "active", created_at, created_by)


def _place(
    *,
    collection_id: UUID,
    collection_name: str,
    collection_created_at: datetime,
    collection_created_by: UUID,
    id: UUID | None,
    type: MediaType | None,
    path: str | None,
    name: str,
    created_at: datetime,
    created_by: UUID,
) -> Place:
    root = Folder(
        collection_id,
        collection_id,
        FolderPath(collection_id),
        collection_name,
        "active",
        collection_created_at,
        collection_created_by,
    )
    if id is None or path is None:
        return Place(root, type, None)
    return Place(
        root, type, Folder(id, collection_id, FolderPath.parse(path), name, "active", created_at, created_by)
    )
