"""v1's list and its check for duplicates in 1,000,000 files of 20 teams, beside the queries one would
write first.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg

from bench.filled import owned
from vitrine.library import duplicates, media, organizations
from vitrine.models.duplicates import FileToCheck
from vitrine.models.people import Caller

TEAMS, FILES = 20, 50_000  # files of each
RUNS = 5  # of each, by turns


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, as the library answers it, and what the first query for it would look for."""

    what: str
    ours: Callable[[Caller], Any]
    where: LiteralString
    values: tuple[object, ...] = ()
    order: LiteralString = "created_at desc, id desc"
    offset: int = 0


def main() -> None:
    """Prints the median of each, and how many times as long the first query takes (of duplicates: for 20
    of the files).
    """
    with owned() as owner:
        began = time.perf_counter()
        callers = _fill(owner)
        print(f"  {TEAMS * FILES:,} files filled and indexed in {time.perf_counter() - began:.0f} s")
        for name, size in owner.execute(
            "select relname, pg_size_pretty(pg_relation_size(oid)) from pg_class where relname in ('media_searched', 'media_same_file', 'media_pkey')"
        ):
            print(f"  {name}: {size}")
        caller = callers[7]
        likes = [FileToCheck(f"IMG_{n:06}.jpg", n, None) for n in range(1, 1001)]
        for asked in (
            Asked(
                "search, 1 match",
                lambda who: media.list_files(who, search="IMG_004242"),
                _FIRST,
                ("IMG_004242",) * 5,
            ),
            Asked(
                "search, words, 1 in 100",
                lambda who: media.list_files(who, search="crossings zebras"),
                _FIRST,
                ("crossings zebras",) * 5,
            ),
            Asked(
                "search, two letters, 1 in 100",
                lambda who: media.list_files(who, search="zE"),
                _FIRST,
                ("zE",) * 5,
            ),
            Asked(
                "search, every file", lambda who: media.list_files(who, search="jpg"), _FIRST, ("jpg",) * 5
            ),
            Asked(
                "search, no match",
                lambda who: media.list_files(who, search="no such thing"),
                _FIRST,
                ("no such thing",) * 5,
            ),
            Asked(
                "tag of 1 in 1,000", lambda who: media.list_files(who, tag_slugs=["rare"]), _TAGGED, ("rare",)
            ),
            Asked(
                "tag of every other",
                lambda who: media.list_files(who, tag_slugs=["common"]),
                _TAGGED,
                ("common",),
            ),
            Asked("first page", media.list_files, ""),
            Asked("offset 40,000", lambda who: media.list_files(who, offset=40_000), "", offset=40_000),
            Asked(
                "offset 40,000 by filename",
                lambda who: media.list_files(who, order_by="filename", descending=False, offset=40_000),
                "",
                order="filename, id",
                offset=40_000,
            ),
            Asked(
                "videos, offset 400",
                lambda who: media.list_files(who, type="video", offset=400),
                "and type = 'video'",
                offset=400,
            ),
            Asked(
                "duplicates of 1,000 (20)",
                lambda who: duplicates.find_existing(who, likes),
                "",
                ([n.filename for n in likes], [n.size_bytes for n in likes]),
            ),
        ):
            _compare(owner, caller, asked)


def _compare(owner: psycopg.Connection[Any], caller: Caller, asked: Asked) -> None:
    ours: list[float] = []
    first: list[float] = []
    for _ in range(RUNS):
        ours.append(_milliseconds(lambda: asked.ours(caller)))
        first.append(_milliseconds(lambda: _first(owner, caller.organization_id, asked)))
    mine, theirs = statistics.median(ours), statistics.median(first)
    print(
        f"  {asked.what:30} {mine:8.1f} ms ({min(ours):.1f} to {max(ours):.1f}); the first query {theirs:8.1f}: {theirs / mine:.1f} times as long"
    )


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _first(owner: psycopg.Connection[Any], organization: UUID, asked: Asked) -> None:
    """A page of whole rows and count(*), without the indexes of ours: those of a table that has its key
    and its organization.
    """
    if asked.what.startswith("duplicates"):
        # one query each; a fiftieth of them
        for filename, size in list(zip(*asked.values, strict=True))[:20]:
            owner.execute(
                "select * from plain where organization_id = %s and filename = %s and size_bytes = %s order by created_at desc limit 5",
                [organization, filename, size],
            ).fetchall()
        return
    condition: LiteralString = _FROM + asked.where
    owner.execute("select count(*) " + condition, [organization, *asked.values]).fetchall()
    owner.execute(
        "select * " + condition + " order by " + asked.order + " limit 20 offset %s",
        [organization, *asked.values, asked.offset],
    ).fetchall()


_FROM: LiteralString = "from plain where organization_id = %s and status = 'active' and type <> 'folder' and verified_at is not null "
_FIRST: LiteralString = """
    and (title ilike '%%' || %s || '%%' or filename ilike '%%' || %s || '%%' or alt ilike '%%' || %s || '%%' or caption ilike '%%' || %s || '%%'
         or to_tsvector('english', concat_ws(' ', title, filename, alt, caption)) @@ plainto_tsquery('english', %s))
"""
_TAGGED: LiteralString = """
    and exists (select from media_tags join tags on tags.id = media_tags.tag_id where media_tags.media_id = plain.id and tags.slug = %s)
"""


def _fill(owner: psycopg.Connection[Any]) -> list[Caller]:
    """Indexes and foreign keys are put aside meanwhile: only the filling is to be faster by it."""
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
            select organization_id, collection_id, type, count(*) from media where organization_id = %(organization)s group by 1, 2, 3
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
    insert into media (organization_id, id, collection_id, type, name, title, alt, link_token, active_version_id, filename, mime_type,
                       size_bytes, processing, verified_at, created_at, created_by)
    select %(organization)s, id, %(collection)s, case when n %% 50 = 0 then 'video' else 'image' end, 'file ' || n,
           case when n %% 3 = 0 then 'A picture of number ' || n end, case when n %% 100 = 0 then 'Zebra crossing' end,
           repeat('t', 22), id, 'IMG_' || lpad(n::text, 6, '0') || '.jpg', 'image/jpeg',
           n, 'ready', now(), now() - make_interval(secs => n), %(user)s
      from (select n, gen_random_uuid() as id from generate_series(1, %(files)s) as n order by random()) as file
"""
_TAGS = """
    with made as (
      insert into tags (organization_id, id, "group", name, slug) values (%(organization)s, %(id)s, 'tags', %(tag)s, %(tag)s) returning id
    )
    insert into media_tags (organization_id, media_id, tag_id)
    select organization_id, media.id, made.id from media, made where organization_id = %(organization)s and size_bytes %% %(every)s = 0
"""
