"""Files that a collection has more than once: with equal bytes, or as similar pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine import models
from vitrine.dialects.formats import Input, parse_cursor, show_cursor
from vitrine.dialects.studio.media import Media, show_media
from vitrine.dialects.studio.pages import CursorPagination, show_page
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine.delivery import Links


class DuplicatesQuery(Input):
    """GET /api/dataset/{datasetId}/duplicates"""

    distance: int = Field(
        models.duplicates.DEFAULT_DISTANCE,
        ge=0,
        le=models.duplicates.MAX_DISTANCE,
        description="bits of 64 in which what looks the same may differ at most",
    )
    limit: int = Field(10, ge=1, le=50, description="groups")
    cursor: Annotated[str | None, EXACT] = Field(None, description="nextCursor of the page before")

    def after(self) -> models.pages.Cursor | None:
        """Return the cursor; None for the first page. Raises Invalid."""
        return None if self.cursor is None else parse_cursor(self.cursor)


class Same(TypedDict):
    distance: int  # bits of 64 in which its perceptual hash differs from that of the first of its group
    media: Media


class Group(TypedDict):
    match: Literal["exact", "near"]  # equal bytes, or similar pictures
    count: int  # items of the group, in all
    items: list[Same]  # the first 50 of them, by when they were uploaded


class Duplicates(TypedDict):
    duplicates: list[Group]  # all that are exact before those that are near
    pagination: CursorPagination


def show_duplicates(
    groups: Sequence[models.duplicates.DuplicateGroup], links: Links, *, limit: int, more: bool
) -> Duplicates:
    """Serialize one page. A page that is too large for an answer is cut, with a cursor that continues it."""
    shown = show_page(groups, lambda group: _show_group(group, links))
    more = more or len(shown) < len(groups)
    following = show_cursor(groups[len(shown) - 1].cursor) if more else None
    return {"duplicates": shown, "pagination": {"limit": limit, "hasMore": more, "nextCursor": following}}


def _show_group(group: models.duplicates.DuplicateGroup, links: Links) -> Group:
    return {
        "match": group.match,
        "count": group.count,
        "items": [
            {"distance": each.distance, "media": show_media(each.media, links)} for each in group.items
        ],
    }
