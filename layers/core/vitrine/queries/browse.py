"""One level of a collection, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from vitrine.db import Statement
from vitrine.queries.files import Total
from vitrine.queries.media_columns import COLUMNS, JOINS, as_media

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.media import Media, MediaType


def page(
    organization: UUID,
    place: UUID,
    type: MediaType | None,
    *,
    limit: int,
    offset: int = 0,
) -> Statement[Media]:
    """The active items directly in a place, of one type (None: of all, folders too), after `offset` items."""
    return Statement(
        _page("", type),
        as_media,
        organization=organization,
        place=place,
        type=type,
        limit=limit,
        offset=offset,
    )


def page_after(
    organization: UUID,
    place: UUID,
    type: MediaType | None,
    created_at: datetime,
    item: UUID,
    *,
    limit: int,
    offset: int = 0,
) -> Statement[Media]:
    """The active items directly in a place that come after the item which was created at `created_at`. Every
    page costs the same.
    """
    return Statement(
        _page("and (media.created_at, media.id) < (%(created_at)s, %(item)s)", type),
        as_media,
        organization=organization,
        place=place,
        type=type,
        created_at=created_at,
        item=item,
        limit=limit,
        offset=offset,
    )


def total(organization: UUID, place: UUID, types: Sequence[MediaType]) -> Statement[Total]:
    """The number of items of these types directly in a place: kept counts of the verified items, plus the few
    that are not verified yet.
    """
    return Statement(
        """
        select (coalesce((select sum(items)
                            from counts
                           where organization_id = %(organization)s
                             and place_id = %(place)s
                             and type = any(%(types)s)), 0)
              + coalesce((select sum(delta)
                            from count_ledger
                           where organization_id = %(organization)s
                             and place_id = %(place)s
                             and type = any(%(types)s)
                             and not folded), 0)
              + (select count(*)
                   from media
                  where organization_id = %(organization)s
                    and place_id = %(place)s
                    and status = 'active'
                    and verified_at is null
                    and type = any(%(types)s)))::bigint as total
        """,
        Total,
        organization=organization,
        place=place,
        types=list(types),
    )


def _page(after: LiteralString, type: MediaType | None) -> LiteralString:
    # The ids come from an index-only scan, so the rows that an offset skips are not read.
    of_type: LiteralString = "" if type is None else "and media.type = %(type)s"
    return f"""
        with page as (
          select media.id
            from media
           where media.organization_id = %(organization)s
             and media.place_id = %(place)s
             and media.status = 'active'
             {of_type} {after}
           order by media.created_at desc, media.id desc
           limit %(limit)s offset %(offset)s
        )
        select {COLUMNS}
          from page
          join media on media.organization_id = %(organization)s and media.id = page.id
        {JOINS}
         order by media.created_at desc, media.id desc
        """
