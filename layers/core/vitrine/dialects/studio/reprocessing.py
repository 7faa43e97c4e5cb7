"""Reprocessing: the frames of items are made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.dialect import Answer
from vitrine.dialects.formats import Input, Processing, parse_cursor, show_cursor
from vitrine.dialects.studio.media import media_etag, show_processing
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from vitrine import models


class Reprocess(Input):
    """POST /api/dataset/{datasetId}/reprocess"""

    processing: Literal["failed", "all"] = Field("failed", description="those that failed, or all")
    limit: int = Field(1000, ge=1, le=1000, description="files to look at")
    cursor: Annotated[str | None, EXACT] = Field(None, description="nextCursor of the batch before")

    def after(self) -> models.pages.Cursor | None:
        """Return the cursor; None for the first batch. Raises Invalid."""
        return None if self.cursor is None else parse_cursor(self.cursor)


class Reprocessing(TypedDict):
    id: str
    processing: Processing


class ReprocessingMany(TypedDict):
    requested: (
        int  # files of the batch that will be reprocessed; the others wait already, or have no object here
    )
    nextCursor: str | None


def show_reprocessing(media: models.media.Media) -> Answer:
    """Serialize 202 Reprocessing, with the ETag of the whole item."""
    body = {"id": media.id.hex, "processing": show_processing(media.version)}
    return Answer(body, 202, {"etag": media_etag(media)})


def show_reprocessing_many(requested: int, following: models.pages.Cursor | None) -> ReprocessingMany:
    return {"requested": requested, "nextCursor": show_cursor(following) if following else None}
