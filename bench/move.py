"""Moving a folder with 1,000,000 files, in 10,000 folders and in 100, compared with rewriting the path of
every row.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from uuid import UUID

import psycopg

from bench.database import temporary_database
from vitrine.library import media, organizations
from vitrine.models.people import Caller
from vitrine.models.places import FolderPath

FILES = 1_000_000


@dataclass(frozen=True, slots=True)
class Shape:
    """A tree: a top folder with `wide` folders, each of which has `wide` - 1 subfolders. The files are spread
    evenly over all folders except the top.
    """

    number: int
    wide: int
    turns: int  # number of moves
    allowed: float  # milliseconds, at the median

    @property
    def folders(self) -> int:
        return self.wide * self.wide

    @property
    def top(self) -> UUID:
        return UUID(f"0190000{self.number}-0000-7000-8000-000000000000")


SHAPES = (Shape(1, 100, 11, 500), Shape(2, 10, 51, 20))
# The two folders into which the tree is moved alternately.
PLACES = (UUID("01900009-0000-7000-8000-000000000001"), UUID("01900009-0000-7000-8000-000000000002"))


def main() -> None:
    """Print the median time of a move of each tree, and the time of one rewrite of all paths."""
    with temporary_database() as owner:
        made = organizations.create(
            email="bench@example.org", person="An Owner", name="Bench", slug="bench", collection="Default"
        )
        caller = Caller(
            made.user_id, "bench@example.org", "An Owner", None, None, made.organization_id, "Bench", "owner"
        )
        began = time.perf_counter()
        _fill(owner, caller, made.collection_id)
        print(f"  filled in {time.perf_counter() - began:.0f} s")
        for shape in SHAPES:
            ours = [
                _moved(caller, made.collection_id, shape, PLACES[turn % 2]) for turn in range(shape.turns)
            ]
            theirs = _rewritten(owner, shape)
            median = statistics.median(ours)
            verdict = "met" if median <= shape.allowed else "NOT MET"
            print(
                f"  {FILES:,} files in {shape.folders:6,} folders: {median:6.1f} ms, median of {len(ours)}"
                f" ({min(ours):.1f} to {max(ours):.1f}; {shape.allowed:.0f} allowed: {verdict});"
                f" every row's path: {theirs:,.0f} ms"
            )


def _moved(caller: Caller, collection: UUID, shape: Shape, place: UUID) -> float:
    """Move the tree by the library function. Return the milliseconds that it took."""
    began = time.perf_counter()
    media.move(caller, shape.top, to=FolderPath(collection, (place,)))
    return (time.perf_counter() - began) * 1000


def _rewritten(owner: psycopg.Connection[tuple[object, ...]], shape: Shape) -> float:
    """Move the tree in a table of ids and paths in which the files have paths too. Return the milliseconds of
    the one update statement.
    """
    owner.execute("drop table if exists every_row")
    owner.execute(
        """
        create table every_row as
          with folders as (
            select folder_id as id, path
              from folder_paths
             where path <@ (select path from folder_paths where folder_id = %(top)s)
          )
        select id, path
          from folders
        union all
        select file.id, folder.path || replace(file.id::text, '-', '')
          from folders as folder
          join media file on file.parent_id = folder.id and file.type <> 'folder'
        """,
        {"top": shape.top},
    )
    owner.execute("alter table every_row add primary key (id)")
    owner.execute("create index on every_row using gist (path)")
    owner.execute("vacuum analyze every_row")
    began = time.perf_counter()
    owner.execute(
        """
        update every_row
           set path = text2ltree('elsewhere') || subpath(path, nlevel(moved.top) - 1)
          from (select path as top from folder_paths where folder_id = %s) as moved
         where path <@ moved.top
        """,
        [shape.top],
    )
    return (time.perf_counter() - began) * 1000


def _fill(owner: psycopg.Connection[tuple[object, ...]], caller: Caller, collection: UUID) -> None:
    """Insert both trees, and the two folders into which they are moved.

    The indexes and foreign keys of `media` are dropped first, which makes the inserts faster, and created
    again afterwards. The foreign key to `versions` is not created again, because the files have no versions.
    """
    values = {
        "organization": caller.organization_id,
        "collection": collection,
        "user": caller.user_id,
        "files": FILES,
    }
    aside = owner.execute(
        """
        select format('drop index %I', indexname), indexdef
          from pg_indexes
         where tablename = 'media' and not exists (select from pg_constraint where conname = indexname)
        union all
        select format('alter table media drop constraint %I', conname),
               case when confrelid <> 'versions'::regclass
                    then format('alter table media add constraint %I %s', conname,
                                pg_get_constraintdef(oid)) end
          from pg_constraint
         where conrelid = 'media'::regclass and contype = 'f'
        """
    ).fetchall()
    for drop, _ in aside:
        owner.execute(str(drop).encode())
    for place in PLACES:
        owner.execute(
            _FOLDERS,
            {**values, "rows": [place], "parents": [None], "paths": [f"{collection.hex}.{place.hex}"]},
        )
    for shape in SHAPES:
        rows: list[tuple[UUID, UUID | None, str]] = [(shape.top, None, f"{collection.hex}.{shape.top.hex}")]
        for outer in range(shape.wide):
            above = UUID(int=shape.top.int + 1 + outer * shape.wide)
            rows.append((above, shape.top, f"{rows[0][2]}.{above.hex}"))
            rows += [
                (each := UUID(int=above.int + inner), above, f"{rows[0][2]}.{above.hex}.{each.hex}")
                for inner in range(1, shape.wide)
            ]
        owner.execute(
            _FOLDERS,
            {
                **values,
                "rows": [row[0] for row in rows],
                "parents": [row[1] for row in rows],
                "paths": [row[2] for row in rows],
            },
        )
        owner.execute(
            _FILES,
            {
                **values,
                "folders": [row[0] for row in rows[1:]],
                "prefix": f"0191000{shape.number}-0000-7000-8000-",
            },
        )
    owner.execute("set maintenance_work_mem = '256MB'")
    for _, make in aside:
        if make is not None:
            owner.execute(str(make).encode())
    owner.execute("vacuum analyze media")
    owner.execute("vacuum analyze folder_paths")


_FOLDERS = """
    with folder as (
      insert into media (organization_id, id, collection_id, parent_id, type, name, link_token, verified_at,
                         created_by)
      select %(organization)s, id, %(collection)s, parent, 'folder', 'a folder', repeat('t', 22), now(),
             %(user)s
        from unnest(%(rows)s::uuid[], %(parents)s::uuid[]) as row (id, parent)
    )
    insert into folder_paths (organization_id, folder_id, path)
    select %(organization)s, id, path::ltree
      from unnest(%(rows)s::uuid[], %(paths)s::text[]) as row (id, path)
"""
_FILES = """
    insert into media (organization_id, id, collection_id, parent_id, type, name, link_token,
                       active_version_id, filename, mime_type, size_bytes, processing, verified_at,
                       created_at, created_by)
    select %(organization)s, id, %(collection)s, folder.ids[1 + n %% cardinality(folder.ids)], 'image',
           'file ' || n, repeat('t', 22), id, 'file ' || n, 'image/jpeg', n, 'ready', now(),
           now() - make_interval(secs => n), %(user)s
      from (select n, (%(prefix)s || lpad(to_hex(n), 12, '0'))::uuid as id
              from generate_series(1, %(files)s) as n) as file,
           (select %(folders)s::uuid[] as ids) as folder
"""
