"""Lists of an organization's verified files, in all of its folders and collections; the v1 API shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, LiteralString

from vitrine.db import Statement
from vitrine.models.media import Media, MediaType
from vitrine.queries.media_columns import COLUMNS, JOINS, as_media

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

Order = Literal["createdAt", "filename", "fileSize"]


# Equal values are sorted by id in the same direction, so that an order and its reverse read one index.
_KEYS: dict[Order, LiteralString] = {
    "createdAt": "file.created_at",
    "filename": 'file.filename collate "C"',
    "fileSize": "file.size_bytes",
}


_ORDERS: dict[tuple[Order, bool], LiteralString] = {
    ("createdAt", False): "media.created_at, media.id",
    ("createdAt", True): "media.created_at desc, media.id desc",
    ("filename", False): 'media.filename collate "C", media.id',
    ("filename", True): 'media.filename collate "C" desc, media.id desc',
    ("fileSize", False): "media.size_bytes, media.id",
    ("fileSize", True): "media.size_bytes desc, media.id desc",
}


@dataclass(frozen=True, slots=True)
class Total:
    """The number of rows on all pages."""

    total: int


@dataclass(frozen=True, slots=True)
class Match:
    """A file on the page, and the number of matches on all pages. `media` is None when the page is empty."""

    total: int
    media: Media | None


def page(
    organization: UUID,
    type: MediaType | None,
    order_by: Order,
    *,
    descending: bool,
    limit: int,
    offset: int,
) -> Statement[Media]:
    """A page of an organization's verified files, of one type (None: of all types).

    The ids come from an index-only scan, so the rows that the offset skips are not read. The status of the
    collection is not checked: deleting a collection marks its items as deleted.
    """
    order = _ORDERS[order_by, descending]
    of_type: LiteralString = "" if type is None else "and media.type = %(type)s"
    return Statement(
        f"""
        with page as (
          select media.id
            from media
           where media.organization_id = %(organization)s
             and media.status = 'active'
             and media.type <> 'folder'
             and media.verified_at is not null
             {of_type}
           order by {order}
           limit %(limit)s offset %(offset)s
        )
        select {COLUMNS}
          from page
          join media on media.organization_id = %(organization)s and media.id = page.id
        {JOINS} order by {order}""",
        as_media,
        organization=organization,
        type=type,
        limit=limit,
        offset=offset,
    )


def total(organization: UUID, types: Sequence[MediaType]) -> Statement[Total]:
    """The number of an organization's verified files of these types in active collections, from the kept
    counts.
    """
    return Statement(
        """
        with living as (
          select id from collections where organization_id = %(organization)s and status = 'active'
        )
        select (coalesce((select sum(kept.items)
                            from collection_counts kept
                            join living on living.id = kept.collection_id
                           where kept.organization_id = %(organization)s
                             and kept.type = any(%(types)s)), 0)
              + coalesce((select sum(entry.delta)
                            from count_ledger entry
                            join living on living.id = entry.collection_id
                           where entry.organization_id = %(organization)s
                             and entry.type = any(%(types)s)
                             and not entry.folded), 0))::bigint as total
        """,
        Total,
        organization=organization,
        types=list(types),
    )


def matching(
    organization: UUID,
    *,
    search: str,
    tag_ids: Sequence[UUID] | None,
    tag_slugs: Sequence[str] | None,
    type: MediaType | None,
    order_by: Order,
    descending: bool,
    limit: int,
    offset: int,
) -> Statement[Match]:
    """A page of the files that match a search ("": all), have one of the tags `tag_ids` and one of the tags
    `tag_slugs` (None: no filter).

    Returns at least one row, for the total. All matches are therefore looked up once, by an index for each
    filter, and then sorted.
    """
    key, direction = _KEYS[order_by], " desc" if descending else ""
    order: LiteralString = f"file.key{direction}, file.id{direction}"
    return Statement(
        f"""
        with found as materialized (
          select file.id, {key} as key
            from {_SEARCHED if search else _ALL_FILES}
            {_OF_TYPE if type else ""}
            {_TAGGED if tag_ids is not None else ""}
            {_TAGGED_BY_SLUG if tag_slugs is not None else ""}
        ), page as (
          select file.id, row_number() over (order by {order}) as place
            from found as file
           order by {order}
           limit %(limit)s offset %(offset)s
        )
        select counted.total, shown.*
          from (select count(*) as total from found) as counted
          left join lateral (
               select page.place, {COLUMNS}
                 from page
                 join media on media.organization_id = %(organization)s and media.id = page.id
        {JOINS}
               ) as shown on true
         order by shown.place
        """,
        _as_match,
        organization=organization,
        search=search,
        tag_ids=list(tag_ids or ()),
        tag_slugs=list(tag_slugs or ()),
        type=type,
        limit=limit,
        offset=offset,
    )


# A security definer function: `@@` cannot use an index under row-level security.
_SEARCHED: LiteralString = "matching_files(%(search)s) as file where true"


_ALL_FILES: LiteralString = """ media as file
           where file.organization_id = %(organization)s
             and file.status = 'active'
             and file.type <> 'folder'
             and file.verified_at is not null
"""


_OF_TYPE: LiteralString = " and file.type = %(type)s "


# Hidden tags match too, since the client named them. Only tags of the group that the v1 API shows match.
_TAGGED: LiteralString = """
             and file.id in (
                 select given.media_id
                   from media_tags given
                   join tags tag on tag.organization_id = %(organization)s and tag.id = given.tag_id
                  where given.organization_id = %(organization)s
                    and tag."group" = 'tags'
                    and tag.id = any(%(tag_ids)s))
"""


_TAGGED_BY_SLUG: LiteralString = """
             and file.id in (
                 select given.media_id
                   from media_tags given
                   join tags tag on tag.organization_id = %(organization)s and tag.id = given.tag_id
                  where given.organization_id = %(organization)s
                    and tag.slug = any(%(tag_slugs)s))
"""


def _as_match(*, total: int, place: int | None, **columns: Any) -> Match:
    return Match(total, None if place is None else as_media(**columns))
