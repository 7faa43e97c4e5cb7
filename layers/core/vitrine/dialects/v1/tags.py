"""The tags of a team, and the tags of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import Time, parse_id, require_id, show_time
from vitrine.dialects.v1.envelope import Deletion, Info, info
from vitrine.dialects.v1.javascript import trim
from vitrine.dialects.v1.zod import Schema
from vitrine.errors import Invalid
from vitrine.library import team_tags
from vitrine.models.pages import Unchanged
from vitrine.models.tags import RequestedTag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.models.tags import SluggedTag

MAX_ORDER = 1_000_000  # the minimum is -MAX_ORDER
MAX_TAGS = 500  # in one list, repeated ones counted
TagId = Annotated[str, Field(min_length=1, max_length=100)]
Color = Annotated[str, Field(max_length=50)]
Icon = Annotated[str, Field(max_length=100)]
TagDescription = Annotated[str, Field(max_length=255)]


def parse_tag_id(text: str) -> UUID:
    """Read the id of a tag from the path. Raises NotFound when the text is not an id."""
    return require_id(text, team_tags.MISSING)


# Requests about the tags of a team.


def _trimmed_name(name: str) -> str:
    if not trim(name):
        raise Invalid("Tag name is required")
    return trim(name)


class NewTag(Schema):
    """POST /api/v1/media-tags"""

    # The library checks its length, with a sentence: the contract reports no issues here.
    name: str

    def trimmed_name(self) -> str:
        """Return the name without white space around it. Raises Invalid when nothing remains."""
        return _trimmed_name(self.name)


class TagChange(Schema):
    """PATCH /api/v1/media-tags/{id}: absent fields stay as they are."""

    name: str = ""
    color: Color | None = None  # null: none
    icon: Icon | None = None
    description: TagDescription | None = None
    order: int = Field(0, ge=-MAX_ORDER, le=MAX_ORDER)
    isActive: bool = True  # false: hidden

    def change(self) -> team_tags.TagUpdate:
        """Return the changes that were sent, the name trimmed. Raises Invalid when no field was sent, or the
        name is blank.
        """
        if not self.model_fields_set:
            raise Invalid("No fields to update")
        name = self.sent("name", self.name)
        return team_tags.TagUpdate(
            name=name if isinstance(name, Unchanged) else _trimmed_name(name),
            color=self.sent("color", self.color),
            icon=self.sent("icon", self.icon),
            description=self.sent("description", self.description),
            order=self.sent("order", self.order),
            is_active=self.sent("isActive", self.isActive),
        )


# Requests about the tags of a file.


class AddTag(Schema):
    """POST /api/v1/media/{id}/tags"""

    tagId: TagId

    def tag(self) -> RequestedTag:
        return RequestedTag(self.tagId, parse_id(self.tagId), ("tagId",))


class SetTags(Schema):
    """PUT /api/v1/media/{id}/tags: the file has these tags and no others afterwards."""

    tagIds: list[TagId] = Field(max_length=MAX_TAGS)

    def tags(self) -> list[RequestedTag]:
        return [
            RequestedTag(text, parse_id(text), ("tagIds", place)) for place, text in enumerate(self.tagIds)
        ]


class WhichTag(Schema):
    """DELETE /api/v1/media/{id}/tags"""

    tagId: str = Field(min_length=1)

    def tag(self) -> UUID | None:
        """None: the text is not an id, so no file has the tag."""
        return parse_id(self.tagId)


# Answers.


class Tag(TypedDict):
    id: str
    type: Literal["media_tag"]
    slug: str
    name: str
    description: str | None
    icon: str | None
    color: str | None
    order: int
    isActive: bool  # False: hidden
    createdAt: Time
    updatedAt: Time


class Made(TypedDict):
    id: str
    slug: str
    name: str
    color: str | None
    icon: str | None
    order: int
    isActive: bool


class Removal(TypedDict):
    success: Literal[True]


class TagList(TypedDict):
    success: Literal[True]
    data: list[Tag]
    info: Info


class OneTag(TypedDict):
    success: Literal[True]
    data: Tag
    info: Info


class MadeTag(TypedDict):
    success: Literal[True]
    data: Made
    info: Info


class RemovedTag(TypedDict):
    success: Literal[True]
    data: Removal
    info: Info


class DeletedTag(TypedDict):
    success: Literal[True]
    data: Deletion
    info: Info


def show_tags(tags: Sequence[SluggedTag]) -> TagList:
    return {"success": True, "data": [_show_tag(tag) for tag in tags], "info": info()}


def show_one_tag(tag: SluggedTag) -> OneTag:
    return {"success": True, "data": _show_tag(tag), "info": info()}


def show_created_tag(tag: SluggedTag) -> MadeTag:
    made: Made = {
        "id": str(tag.id),
        "slug": tag.slug,
        "name": tag.name,
        "color": tag.color,
        "icon": tag.icon,
        "order": tag.order,
        "isActive": tag.is_active,
    }
    return {"success": True, "data": made, "info": info()}


def show_removed_tag() -> RemovedTag:
    return {"success": True, "data": {"success": True}, "info": info()}


def show_deleted_tag(tag: SluggedTag) -> DeletedTag:
    return {
        "success": True,
        "data": {"message": "Media tag deleted successfully", "success": True, "id": str(tag.id)},
        "info": info(),
    }


def _show_tag(tag: SluggedTag) -> Tag:
    return {
        "id": str(tag.id),
        "type": "media_tag",
        "slug": tag.slug,
        "name": tag.name,
        "description": tag.description,
        "icon": tag.icon,
        "color": tag.color,
        "order": tag.order,
        "isActive": tag.is_active,
        "createdAt": show_time(tag.created_at),
        "updatedAt": show_time(tag.updated_at),
    }
