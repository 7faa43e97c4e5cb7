"""What v1 endpoints take as a body. A field of UpdateMedia that was not sent is not in its `model_fields_set`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vitrine.dialects import Alt, Caption, Title
from vitrine.dialects.v1.zod import Schema, WebUrl
from vitrine.models import MAX_URL

MAX_PIXELS = 2**31 - 1   # along one side, as they are stored

TagId = Annotated[str, Field(min_length=1)]


class CreateMedia(Schema):
    """POST /api/v1/media: what lies at a URL."""

    url: WebUrl = Field(max_length=MAX_URL)
    filename: str = Field(min_length=1, max_length=255)
    fileSize: int = Field(gt=0)                  # bytes
    mimeType: str = Field(min_length=1, max_length=255)
    width: int | None = Field(None, gt=0, le=MAX_PIXELS)   # pixels
    height: int | None = Field(None, gt=0, le=MAX_PIXELS)
    title: Title | None = None
    alt: Alt | None = None
    caption: Caption | None = None
    import_: bool = Field(False, alias="import", description="to be fetched, and then kept here")


class UpdateMedia(Schema):
    """PATCH /api/v1/media/{id}"""

    title: Title | None = None
    alt: Alt | None = None
    caption: Caption | None = None


class AddTag(Schema):
    """POST /api/v1/media/{id}/tags"""

    tagId: TagId


class SetTags(Schema):
    """PUT /api/v1/media/{id}/tags: these and no others."""

    tagIds: list[TagId]
