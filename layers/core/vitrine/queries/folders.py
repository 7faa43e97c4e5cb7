"""Folders: where things lie."""

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

_COLUMNS: LiteralString = "folder.id, folder.collection_id, place.path::text as path, folder.name, folder.status, folder.created_at, folder.created_by"


@dataclass(frozen=True, slots=True)
class Place:
    """A living collection, and what of it has the id that was asked for."""

    collection: Folder  # its root
    type: MediaType | None  # None: nothing living there has this id
    folder: Folder | None  # None: the id is not a living folder's


@dataclass(frozen=True, slots=True)
class Destination:
    """What has the id that something is to be put in."""

    collection_id: UUID
    item_id: UUID | None  # None: the collection's root
    type: MediaType
    path: str | None  # ltree; None for a file


@dataclass(frozen=True, slots=True)
class Depth:
    depth: int


def get_place(organization: UUID, collection: UUID | None, place: UUID | None) -> Statement[Place]:
    """The collection (None: the default one) and, where it is not the collection itself or None, the folder
    `place`. No row: there is no such
    collection.
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
                                        (select id from collections where organization_id = %(organization)s and is_default))
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
    """The folders that lie one in the other below a place (None: the root of the collection, or of the
    default one) and have these names, as far as
    there are any; the oldest where several have a name.
    """
    return Statement(
        f"""
        with recursive walked as (
          select 0 as depth,
                 coalesce(%(place)s::uuid, %(collection)s::uuid,
                          (select id from collections where organization_id = %(organization)s and is_default)) as id
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
    """Those who want a folder of this name here come one after the other until the transaction ends."""
    return Statement(
        """
        select pg_advisory_xact_lock(hashtextextended('folder:' || %(place)s::text || ':' || %(name)s::text, 0)) is null as waited
        """,
        nothing,
        place=place,
        name=name,
    )


def insert(
    organization: UUID, path: FolderPath, name: str, link_token: str, creator: UUID
) -> Statement[Folder]:
    """A folder at this path, whose last id is its own. It has no bytes to verify, so it is verified from
    its birth.
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
        parent=path.folder_ids[-2] if len(path.folder_ids) > 1 else None,
        path=path.ltree(),
        name=name,
        link_token=link_token,
        creator=creator,
    )


def get_destination(organization: UUID, place: UUID) -> Statement[Destination]:
    """The living item or collection of this id, to put something in. No row: there is none."""
    return Statement(
        """
        select media.collection_id, media.id as item_id, media.type, place.path::text as path
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
        select id, null, 'folder', replace(id::text, '-', '')
          from collections
         where organization_id = %(organization)s
           and id = %(place)s
           and status = 'active'
        """,
        Destination,
        organization=organization,
        place=place,
    )


def get_depth(folder: UUID) -> Statement[Depth]:
    """How many folders lie on the way from the collection to the deepest folder below this one (itself,
    where there is none); deleted ones too.
    """
    return Statement(
        """
        select max(nlevel(below.path)) - 1 as depth
          -- definer function: paths find no index under a policy
          from subtree(%(folder)s) as below
        """,
        Depth,
        folder=folder,
    )


def reroot(organization: UUID, folder: UUID, under: str) -> Statement[object]:
    """A folder and all below it, deleted ones too, have the paths of their new place; files follow, since
    they name only their parent.
    """
    return Statement(
        """
        update folder_paths
           set path = %(under)s::ltree || subpath(folder_paths.path, nlevel(top.path) - 1)
          from folder_paths top
         where top.organization_id = %(organization)s
           and top.folder_id = %(folder)s
           and folder_paths.organization_id = %(organization)s
           -- joined, all paths would be read to find a hundred
           and folder_paths.folder_id = any(array(select id from subtree(%(folder)s)))
        """,
        nothing,
        organization=organization,
        folder=folder,
        under=under,
    )


def _path(ltree: str) -> FolderPath:
    collection, *folders = (UUID(hex=label) for label in ltree.split("."))
    return FolderPath(collection, tuple(folders))


def _folder(
    *,
    id: UUID,
    collection_id: UUID,
    path: str,
    name: str,
    created_at: datetime,
    created_by: UUID,
    status: str = "active",  # noqa: ARG001 - columns that a folder's row is read with
) -> Folder:
    return Folder(id, collection_id, _path(path), name, "active", created_at, created_by)


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
    return Place(root, type, Folder(id, collection_id, _path(path), name, "active", created_at, created_by))
