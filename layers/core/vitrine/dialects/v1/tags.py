"""What v1's endpoints of tags take and answer. `AddTag` and `SetTags` are in `bodies`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.studio import Time, parse_id, show_time
from vitrine.dialects.v1.bodies import AddTag, SetTags
from vitrine.dialects.v1.show import Deletion, Info
from vitrine.dialects.v1.zod import Schema, trimmed
from vitrine.errors import Invalid, NotFound
from vitrine.library import team_tags
from vitrine.models.pages import Unchanged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.models.tags import SluggedTag

__all__ = [
    "AddTag",
    "DeletedTag",
    "MadeTag",
    "NewTag",
    "OneTag",
    "RemovedTag",
    "SetTags",
    "TagChange",
    "TagList",
    "WhichTag",
    "parse_tag_id",
    "show_deleted",
    "show_list",
    "show_made",
    "show_one",
    "show_removed",
]

MOST = 1_000_000  # of an order, either way
Color = Annotated[str, Field(max_length=50)]
Icon = Annotated[str, Field(max_length=100)]
About = Annotated[str, Field(max_length=255)]


def parse_tag_id(text: str) -> UUID:
    """Of the path. Raises NotFound when it is none: then there is no such tag."""
    found = parse_id(text)
    if found is None:
        raise NotFound(team_tags.MISSING)
    return found


def _named(name: str) -> str:
    if not trimmed(name):
        raise Invalid("Tag name is required")
    return trimmed(name)


class NewTag(Schema):
    """POST /api/v1/media-tags"""

    name: str  # its bounds are said in words, as the contract has no issues here

    def named(self) -> str:
        """Raises Invalid."""
        return _named(self.name)


class TagChange(Schema):
    """PATCH /api/v1/media-tags/{id}: what is to be changed of a tag; the rest stays."""

    name: str = ""
    color: Color | None = None  # null: none
    icon: Icon | None = None
    description: About | None = None
    order: int = Field(0, ge=-MOST, le=MOST)
    isActive: bool = True  # false: hidden

    def change(self) -> team_tags.TagChange:
        """Raises Invalid when it is none."""
        if not self.model_fields_set:
            raise Invalid("No fields to update")
        name = self.sent("name", self.name)
        return team_tags.TagChange(
            name=name if isinstance(name, Unchanged) else _named(name),
            color=self.sent("color", self.color),
            icon=self.sent("icon", self.icon),
            description=self.sent("description", self.description),
            order=self.sent("order", self.order),
            is_active=self.sent("isActive", self.isActive),
        )


class WhichTag(Schema):
    """DELETE /api/v1/media/{id}/tags"""

    tagId: str = Field(min_length=1)

    def tag(self) -> UUID | None:
        """None: what is said is no id, which no item has."""
        return parse_id(self.tagId)


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


def show_list(tags: Sequence[SluggedTag]) -> TagList:
    return {"success": True, "data": [_tag(tag) for tag in tags], "info": _now()}


def show_one(tag: SluggedTag) -> OneTag:
    return {"success": True, "data": _tag(tag), "info": _now()}


def show_made(tag: SluggedTag) -> MadeTag:
    made: Made = {
        "id": str(tag.id),
        "slug": tag.slug,
        "name": tag.name,
        "color": tag.color,
        "icon": tag.icon,
        "order": tag.order,
        "isActive": tag.is_active,
    }
    return {"success": True, "data": made, "info": _now()}


def show_removed() -> RemovedTag:
    return {"success": True, "data": {"success": True}, "info": _now()}


def show_deleted(tag: SluggedTag) -> DeletedTag:
    return {
        "success": True,
        "data": {"message": "Media tag deleted successfully", "success": True, "id": str(tag.id)},
        "info": _now(),
    }


def _tag(tag: SluggedTag) -> Tag:
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


def _now() -> Info:
    return {"timestamp": show_time(datetime.now(UTC))}
