"""One level of a collection, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine import models
from vitrine.dialects.formats import Input, parse_cursor, show_cursor
from vitrine.dialects.studio.media import Media, show_media
from vitrine.dialects.studio.pages import show_page
from vitrine.errors import NotImplementedYet
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from vitrine.delivery import Links


class BrowseQuery(Input):
    """GET /api/dataset/{datasetId}/media"""

    UNSERVED: ClassVar[tuple[str, ...]] = (
        "q",
        "tags",
        "tagFilters",
        "similarToObjectId",
        "similarToObjectModel",
        "clusterId",
        "mediaId",
        "recursive",
        "dateFrom",
        "dateTo",
        "minScore",
    )

    path: str | None = Field(
        None, description="the folder, as browse returns it; the collection's root when absent"
    )
    limit: int = Field(10, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=2**53 - 1)
    cursor: Annotated[str | None, EXACT] = Field(None, description="nextCursor of the page before")
    type: Literal["image", "video", "folder", "all"] = "all"
    sortBy: Literal["name", "createdAt", "type", "description", "prompt", "takenAt", "sizeBytes"] = (
        "createdAt"
    )
    sortDirection: Literal["asc", "desc"] = "desc"

    def after(self) -> models.pages.Cursor | None:
        """Return the cursor; None for the first page.

        Raises Invalid; NotImplementedYet for an order that is not served.
        """
        if (self.sortBy, self.sortDirection) != ("createdAt", "desc"):
            name = "sortBy" if self.sortBy != "createdAt" else "sortDirection"
            raise NotImplementedYet(
                f"The parameter {name} is not served by this deployment yet, "
                "but for createdAt in descending order"
            )
        return None if self.cursor is None else parse_cursor(self.cursor)


class Pagination(TypedDict):
    total: int
    limit: int
    offset: int
    hasMore: bool
    nextCursor: str | None


class Listing(TypedDict):
    media: list[Media]
    pagination: Pagination


def show_listing(
    page: models.pages.Page[models.media.Media], links: Links, *, limit: int, offset: int
) -> Listing:
    """Serialize one page. A page that is too large for an answer is cut, with a cursor that continues it."""
    shown = show_page(page.items, lambda media: show_media(media, links))
    following = page.next
    if len(shown) < len(page.items):
        last = page.items[len(shown) - 1]
        following = models.pages.Cursor(last.created_at.isoformat(), last.id)
    return {
        "media": shown,
        "pagination": {
            "total": page.total,
            "limit": limit,
            "offset": offset,
            "hasMore": following is not None,
            "nextCursor": show_cursor(following) if following else None,
        },
    }
