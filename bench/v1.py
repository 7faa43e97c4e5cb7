"""The file list and the duplicate check of v1, in 1,000,000 files of 20 teams, compared with simple queries
without our indexes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg

from bench.database import temporary_database
from vitrine.library import duplicates, media, organizations
from vitrine.models.duplicates import FileToCheck
from vitrine.models.people import Caller

TEAMS, FILES = 20, 50_000  # files of each
RUNS = 5  # of each query; the two alternate


@dataclass(frozen=True, slots=True)
class Case:
    """A call of the library, and the condition of the simple query that finds the same files."""

    name: str
    ours: Callable[[Caller], Any]
    where: LiteralString
    values: tuple[object, ...] = ()
    order: LiteralString = "created_at desc, id desc"
    offset: int = 0


def main() -> None:
    """Print the median of each case, and how many times as long the simple query runs. Its duplicate check
    is measured for 20 of the files only.
    """
    with temporary_database() as owner:
        began = time.perf_counter()
        callers = _fill(owner)
        print(f"  {TEAMS * FILES:,} files filled and indexed in {time.perf_counter() - began:.0f} s")
        for name, size in owner.execute(
            """
            select relname, pg_size_pretty(pg_relation_size(oid))
              from pg_class
             where relname in ('media_searched', 'media_same_file', 'media_pkey')
            """
        ):
            print(f"  {name}: {size}")
        caller = callers[7]
        likes = [FileToCheck(f"IMG_{n:06}.jpg", n, None) for n in range(1, 1001)]
        for case in (
            Case(
                "search, 1 match",
                lambda who: media.list_files(who, search="IMG_004242"),
                _FOUND,
                ("IMG_004242",) * 5,
            ),
            Case(
                "search, words, 1 in 100",
                lambda who: media.list_files(who, search="crossings zebras"),
                _FOUND,
                ("crossings zebras",) * 5,
            ),
            Case(
                "search, two letters, 1 in 100",
                lambda who: media.list_files(who, search="zE"),
                _FOUND,
                ("zE",) * 5,
            ),
            Case("search, every file", lambda who: media.list_files(who, search="jpg"), _FOUND, ("jpg",) * 5),
            Case(
                "search, no match",
                lambda who: media.list_files(who, search="no such thing"),
                _FOUND,
                ("no such thing",) * 5,
            ),
            Case(
                "tag of 1 in 1,000", lambda who: media.list_files(who, tag_slugs=["rare"]), _TAGGED, ("rare",)
            ),
            Case(
                "tag of every other",
                lambda who: media.list_files(who, tag_slugs=["common"]),
                _TAGGED,
                ("common",),
            ),
            Case("first page", media.list_files, ""),
            Case("offset 40,000", lambda who: media.list_files(who, offset=40_000), "", offset=40_000),
            Case(
                "offset 40,000 by filename",
                lambda who: media.list_files(who, order_by="filename", descending=False, offset=40_000),
                "",
                order="filename, id",
                offset=40_000,
            ),
            Case(
                "videos, offset 400",
                lambda who: media.list_files(who, type="video", offset=400),
                "and type = 'video'",
                offset=400,
            ),
            Case(
                "duplicates of 1,000 (20)",
                lambda who: duplicates.find_existing(who, likes),
                "",
                ([n.filename for n in likes], [n.size_bytes for n in likes]),
            ),
        ):
            _compare(owner, caller, case)


def _compare(owner: psycopg.Connection[Any], caller: Caller, case: Case) -> None:
    ours: list[float] = []
    simple: list[float] = []
    for _ in range(RUNS):
        ours.append(_milliseconds(lambda: case.ours(caller)))
        simple.append(_milliseconds(lambda: _run_simple(owner, caller.organization_id, case)))
    mine, theirs = statistics.median(ours), statistics.median(simple)
    print(
        f"  {case.name:30} {mine:8.1f} ms ({min(ours):.1f} to {max(ours):.1f});"
        f" the simple query {theirs:8.1f} ms: {theirs / mine:.1f} times as long"
    )


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _run_simple(owner: psycopg.Connection[Any], organization: UUID, case: Case) -> None:
    """Read a page of whole rows, and count(*), from the table `plain`. It has an index of its key and one of
    its organization.
    """
    if case.name.startswith("duplicates"):
        # One query for each file, and only for 20 of the 1,000 files.
        for filename, size in list(zip(*case.values, strict=True))[:20]:
            owner.execute(
                """
                select *
                  from plain
                 where organization_id = %s and filename = %s and size_bytes = %s
                 order by created_at desc
                 limit 5
                """,
                [organization, filename, size],
            ).fetchall()
        return
    condition: LiteralString = _FROM + case.where
    owner.execute("select count(*) " + condition, [organization, *case.values]).fetchall()
    owner.execute(
        "select * " + condition + " order by " + case.order + " limit 20 offset %s",
        [organization, *case.values, case.offset],
    ).fetchall()


_FROM: LiteralString = """
    from plain
   where organization_id = %s
     and status = 'active'
     and type <> 'folder'
     and verified_at is not null
"""
_FOUND: LiteralString = """
    and (title ilike '%%' || %s || '%%'
         or filename ilike '%%' || %s || '%%'
         or alt ilike '%%' || %s || '%%'
         or caption ilike '%%' || %s || '%%'
         or to_tsvector('english', concat_ws(' ', title, filename, alt, caption))
            @@ plainto_tsquery('english', %s))
"""
_TAGGED: LiteralString = """
    and exists (select
                  from media_tags
                  join tags on tags.id = media_tags.tag_id
                 where media_tags.media_id = plain.id and tags.slug = %s)
"""


def _fill(owner: psycopg.Connection[Any]) -> list[Caller]:
    """Insert the teams with their files and tags. Return the owner of each team as a caller.

    The indexes of `media` are dropped first, which makes the inserts faster, and created again afterwards.
    The foreign keys of `media` and `media_tags` are dropped too, and not created again.
    """
    aside = owner.execute(
        """
        select format('drop index %I', indexname), indexdef
          from pg_indexes
         where tablename = 'media' and not exists (select from pg_constraint where conname = indexname)
        union all
        select format('alter table %s drop constraint %I', conrelid::regclass, conname), null
          from pg_constraint
         where contype = 'f' and conrelid in ('media'::regclass, 'media_tags'::regclass)
        """
    ).fetchall()
    for drop, _ in aside:
        owner.execute(str(drop).encode())
    callers: list[Caller] = []
    for number in range(TEAMS):
        email, slug = f"bench{number}@example.org", f"bench-{number}"
        made = organizations.create(
            email=email, person="An Owner", name="Bench", slug=slug, collection="Default"
        )
        callers.append(
            Caller(made.user_id, email, "An Owner", None, None, made.organization_id, "Bench", "owner")
        )
        values = {
            "organization": made.organization_id,
            "collection": made.collection_id,
            "user": made.user_id,
            "files": FILES,
        }
        owner.execute(_FILES, values)
        for tag, every in (("rare", 1000), ("common", 2)):
            owner.execute(_TAGS, {**values, "id": uuid4(), "tag": tag, "every": every})
        owner.execute(
            """
            insert into collection_counts (organization_id, collection_id, type, items)
            select organization_id, collection_id, type, count(*)
              from media
             where organization_id = %(organization)s
             group by 1, 2, 3
            """,
            values,
        )
    owner.execute("set maintenance_work_mem = '256MB'")
    for _, make in aside:
        if make is not None:
            owner.execute(str(make).encode())
    owner.execute("create table plain as select * from media")
    owner.execute("alter table plain add primary key (id)")
    owner.execute("create index on plain (organization_id)")
    owner.execute("vacuum analyze")
    return callers


_FILES = """
    insert into media (organization_id, id, collection_id, type, name, title, alt, link_token,
                       active_version_id, filename, mime_type, size_bytes, processing, verified_at,
                       created_at, created_by)
    select %(organization)s, id, %(collection)s, case when n %% 50 = 0 then 'video' else 'image' end,
           'file ' || n, case when n %% 3 = 0 then 'A picture of number ' || n end,
           case when n %% 100 = 0 then 'Zebra crossing' end,
           repeat('t', 22), id, 'IMG_' || lpad(n::text, 6, '0') || '.jpg', 'image/jpeg',
           n, 'ready', now(), now() - make_interval(secs => n), %(user)s
      from (select n, gen_random_uuid() as id
              from generate_series(1, %(files)s) as n
             order by random()) as file
"""
_TAGS = """
    with made as (
      insert into tags (organization_id, id, "group", name, slug)
      values (%(organization)s, %(id)s, 'tags', %(tag)s, %(tag)s)
      returning id
    )
    insert into media_tags (organization_id, media_id, tag_id)
    select organization_id, media.id, made.id
      from media, made
     where organization_id = %(organization)s and size_bytes %% %(every)s = 0
"""
