"""What v1 endpoints take as a body. A field of UpdateMedia that was not sent is not in its
`model_fields_set`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vitrine.dialects import Alt, Caption, Title
from vitrine.dialects.studio import parse_id
from vitrine.dialects.v1.zod import Schema, WebUrl
from vitrine.errors import Invalid
from vitrine.models.media import MAX_URL, DescriptionChanges
from vitrine.models.tags import RequestedTag

MAX_PIXELS = 2**31 - 1  # along one side, as they are stored
MOST_TAGS = 500  # in one list, repeated ones counted
TagId = Annotated[str, Field(min_length=1, max_length=100)]


class CreateMedia(Schema):
    """POST /api/v1/media: what lies at a URL."""

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
    """PATCH /api/v1/media/{id}"""

    title: Title | None = None
    alt: Alt | None = None
    caption: Caption | None = None

    def said(self) -> DescriptionChanges:
        """Raises Invalid where it says nothing."""
        if not self.model_fields_set:
            raise Invalid("No fields to update")
        return DescriptionChanges(
            title=self.sent("title", self.title),
            alt=self.sent("alt", self.alt),
            caption=self.sent("caption", self.caption),
        )


class AddTag(Schema):
    """POST /api/v1/media/{id}/tags"""

    tagId: TagId

    def named(self) -> RequestedTag:
        return RequestedTag(self.tagId, parse_id(self.tagId), ("tagId",))


class SetTags(Schema):
    """PUT /api/v1/media/{id}/tags: these and no others."""

    tagIds: list[TagId] = Field(max_length=MOST_TAGS)

    def named(self) -> list[RequestedTag]:
        return [
            RequestedTag(said, parse_id(said), ("tagIds", place)) for place, said in enumerate(self.tagIds)
        ]
