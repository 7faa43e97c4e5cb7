"""What v1 endpoints take and answer: envelope and all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from vitrine import models
from vitrine.dialects.formats import parse_id
from vitrine.dialects.studio import Link, Processing, Time, show_time
from vitrine.dialects.v1.zod import Schema

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.delivery import Links


MAX_SEARCH, MAX_TAGS = 500, 4000  # characters, as zod counts them; a hundred tags by id


class ListQuery(Schema):
    """How the team's files are asked for."""

    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0)
    orderBy: Literal["createdAt", "filename", "fileSize"] = "createdAt"
    orderDir: Literal["asc", "desc"] = "desc"
    type: Literal["image", "video", "all"] = "all"
    search: Annotated[str, Field(max_length=MAX_SEARCH)] = ""
    tagIds: Annotated[str, Field(max_length=MAX_TAGS)] = ""
    tagSlugs: Annotated[str, Field(max_length=MAX_TAGS)] = ""

    def tag_ids(self) -> list[UUID] | None:
        """Those asked for that can be ids. None: whatever the tags."""
        named = self.tagIds.split(",")
        return [found for name in named if (found := parse_id(name))] if any(named) else None

    def tag_slugs(self) -> list[str] | None:
        """None: whatever the tags."""
        return [name for name in self.tagSlugs.split(",") if name] or None


class Media(TypedDict):
    id: str
    userId: str
    teamId: str
    url: Link  # permanent
    filename: str
    fileSize: int  # bytes
    mimeType: str
    width: int | None  # pixels
    height: int | None
    title: str | None
    alt: str | None
    caption: str | None
    status: Literal["active", "deleted"]
    createdAt: Time
    updatedAt: Time
    processing: Processing | None


class Info(TypedDict):
    timestamp: Time


class PageInfo(TypedDict):
    timestamp: Time
    limit: int
    offset: int
    total: int


class OneMedia(TypedDict):
    success: Literal[True]
    data: Media
    info: Info


class MediaList(TypedDict):
    data: list[Media]
    total: int
    limit: int
    offset: int


class MediaPage(TypedDict):
    success: Literal[True]
    data: MediaList
    info: PageInfo


class Deletion(TypedDict):
    message: str
    success: Literal[True]
    id: str


class DeletedMedia(TypedDict):
    success: Literal[True]
    data: Deletion
    info: Info


class RestoredMedia(TypedDict):
    success: Literal[True]
    data: Deletion
    info: Info


class ErrorDetails(TypedDict):
    errors: NotRequired[list[dict[str, object]]]  # zod issues
    allowedTypes: NotRequired[list[str]]  # of an upload whose type is not taken
    maxSize: NotRequired[str]  # of an upload that is too large, "10MB"
    fileSize: NotRequired[str]  # "12.34MB"
    fileName: NotRequired[str]  # of an upload that failed
    error: NotRequired[str]


class RateMeta(TypedDict):
    limit: int  # requests per window
    remaining: int
    resetTime: Time
    retryAfter: int  # seconds


class Error(TypedDict):
    success: Literal[False]
    error: str
    code: NotRequired[str]
    details: NotRequired[ErrorDetails]
    message: NotRequired[str]  # of a 429 alone
    meta: NotRequired[RateMeta]  # of a 429 alone
    info: NotRequired[Info]


def show_one(media: models.media.Media, links: Links) -> OneMedia:
    return {
        "success": True,
        "data": show_media(media, links),
        "info": {"timestamp": show_time(datetime.now(UTC))},
    }


def show_page(
    page: models.pages.Page[models.media.Media], links: Links, *, limit: int, offset: int
) -> MediaPage:
    """`info` repeats the paging: some clients look for it there."""
    return {
        "success": True,
        "data": {
            "data": [show_media(media, links) for media in page.items],
            "total": page.total,
            "limit": limit,
            "offset": offset,
        },
        "info": {
            "timestamp": show_time(datetime.now(UTC)),
            "limit": limit,
            "offset": offset,
            "total": page.total,
        },
    }


def show_deleted(deleted: models.deletions.Deleted) -> DeletedMedia:
    return {
        "success": True,
        "data": {"message": "Media deleted successfully", "success": True, "id": str(deleted.id)},
        "info": {"timestamp": show_time(datetime.now(UTC))},
    }


def show_restored(restored: models.deletions.Restored) -> RestoredMedia:
    return {
        "success": True,
        "data": {"message": "Media restored successfully", "success": True, "id": str(restored.id)},
        "info": {"timestamp": show_time(datetime.now(UTC))},
    }


def show_media(media: models.media.Media, links: Links) -> Media:
    """A verified file."""
    return {
        "id": str(media.id),
        "userId": str(media.created_by),
        "teamId": str(media.organization_id),
        "url": links.permanent(media),
        "filename": media.filename or media.name,
        "fileSize": media.size_bytes,
        "mimeType": media.mime_type or "application/octet-stream",
        "width": media.width,
        "height": media.height,
        "title": media.title,
        "alt": media.alt,
        "caption": media.caption,
        "status": media.status,
        "createdAt": show_time(media.created_at),
        "updatedAt": show_time(media.updated_at),
        "processing": {"state": media.processing, "reason": media.processing_reason}
        if media.processing is not None
        else None,
    }
