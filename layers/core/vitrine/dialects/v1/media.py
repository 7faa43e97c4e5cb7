"""Files of a team: registered by URL, described, listed, deleted and restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine import models
from vitrine.dialects.formats import Alt, Caption, Link, Processing, Time, Title, parse_id, show_time
from vitrine.dialects.v1.envelope import Deletion, Info, info
from vitrine.dialects.v1.zod import Schema, WebUrl
from vitrine.errors import Invalid
from vitrine.models.media import MAX_URL, DescriptionChanges

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.delivery import Links

MAX_PIXELS = 2**31 - 1  # along one side, as PostgreSQL's integer stores them
MAX_SEARCH = 500  # UTF-16 units, as zod counts them
MAX_TAG_LIST = 4000  # UTF-16 units, enough for a hundred tags by id


# Requests.


class CreateMedia(Schema):
    """POST /api/v1/media: register what a URL leads to."""

    url: WebUrl = Field(max_length=MAX_URL)
    filename: str = Field(min_length=1, max_length=255)
    fileSize: int = Field(gt=0)  # bytes
    mimeType: str = Field(min_length=1, max_length=255)
    width: int | None = Field(None, gt=0, le=MAX_PIXELS)  # pixels
    height: int | None = Field(None, gt=0, le=MAX_PIXELS)
    title: Title | None = None
    alt: Alt | None = None
    caption: Caption | None = None
    import_: bool = Field(False, alias="import", description="to be fetched, and then kept here")


class UpdateMedia(Schema):
    """PATCH /api/v1/media/{id}. Fields that were not sent are not in `model_fields_set`."""

    title: Title | None = None
    alt: Alt | None = None
    caption: Caption | None = None

    def changes(self) -> DescriptionChanges:
        """Return the changes that were sent. Raises Invalid when no field was sent."""
        if not self.model_fields_set:
            raise Invalid("No fields to update")
        return DescriptionChanges(
            title=self.sent("title", self.title),
            alt=self.sent("alt", self.alt),
            caption=self.sent("caption", self.caption),
        )


class ListQuery(Schema):
    """GET /api/v1/media"""

    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0)
    orderBy: Literal["createdAt", "filename", "fileSize"] = "createdAt"
    orderDir: Literal["asc", "desc"] = "desc"
    type: Literal["image", "video", "all"] = "all"
    search: Annotated[str, Field(max_length=MAX_SEARCH)] = ""
    tagIds: Annotated[str, Field(max_length=MAX_TAG_LIST)] = ""
    tagSlugs: Annotated[str, Field(max_length=MAX_TAG_LIST)] = ""

    def tag_ids(self) -> list[UUID] | None:
        """Return those that are ids; []: none of them is, so no item has them. None: no filter by tag id."""
        texts = self.tagIds.split(",")
        return [tag for text in texts if (tag := parse_id(text))] if any(texts) else None

    def tag_slugs(self) -> list[str] | None:
        """None: no filter by slug."""
        return [slug for slug in self.tagSlugs.split(",") if slug] or None


# Answers.


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


class OneMedia(TypedDict):
    success: Literal[True]
    data: Media
    info: Info


class MediaList(TypedDict):
    data: list[Media]
    total: int
    limit: int
    offset: int


class PageInfo(TypedDict):
    timestamp: Time
    limit: int
    offset: int
    total: int


class MediaPage(TypedDict):
    success: Literal[True]
    data: MediaList
    info: PageInfo


class DeletedMedia(TypedDict):
    success: Literal[True]
    data: Deletion
    info: Info


class RestoredMedia(TypedDict):
    success: Literal[True]
    data: Deletion
    info: Info


def show_media(media: models.media.Media, links: Links) -> Media:
    """Serialize a file that is verified. v1 does not show others."""
    version = media.version
    return {
        "id": str(media.id),
        "userId": str(media.created_by),
        "teamId": str(media.organization_id),
        "url": links.permanent(media),
        "filename": version.filename or media.name,
        "fileSize": version.size_bytes,
        "mimeType": version.mime_type or "application/octet-stream",
        "width": version.width,
        "height": version.height,
        "title": media.title,
        "alt": media.alt,
        "caption": media.caption,
        "status": media.status,
        "createdAt": show_time(media.created_at),
        "updatedAt": show_time(media.updated_at),
        "processing": {"state": version.processing, "reason": version.processing_reason}
        if version.processing is not None
        else None,
    }


def show_one_media(media: models.media.Media, links: Links) -> OneMedia:
    return {"success": True, "data": show_media(media, links), "info": info()}


def show_page(
    page: models.pages.Page[models.media.Media], links: Links, *, limit: int, offset: int
) -> MediaPage:
    """Serialize a page. `info` repeats limit, offset and total, because some clients read them there."""
    return {
        "success": True,
        "data": {
            "data": [show_media(media, links) for media in page.items],
            "total": page.total,
            "limit": limit,
            "offset": offset,
        },
        "info": {**info(), "limit": limit, "offset": offset, "total": page.total},
    }


def show_deleted_media(deleted: models.deletions.Deleted) -> DeletedMedia:
    return {
        "success": True,
        "data": {"message": "Media deleted successfully", "success": True, "id": str(deleted.id)},
        "info": info(),
    }


def show_restored_media(restored: models.deletions.Restored) -> RestoredMedia:
    return {
        "success": True,
        "data": {"message": "Media restored successfully", "success": True, "id": str(restored.id)},
        "info": info(),
    }
