"""What a client writes about an item: its name and metadata."""

from __future__ import annotations

from math import isfinite
from typing import cast

from pydantic import ConfigDict, Field
from pydantic_core import to_json

from vitrine import models
from vitrine.dialects.formats import Alt, Caption, Input, Title
from vitrine.errors import Invalid

# In metadata these are the server's: shown, and ignored when a client sends them back.
SERVERS_OWN = ("moderation", "exif", "video", "processing")
METADATA_BYTES = 65_536  # as JSON
METADATA_DEPTH = 32  # of objects and lists; metadata itself is the first


class Metadata(Input):
    """The description of an item, whole: what is missing is cleared. Further fields are the client's own."""

    model_config = ConfigDict(extra="allow")

    tags: dict[str, list[str]] | None = Field(None, description="group -> values")
    title: Title | None = None
    alt: Alt | None = None
    caption: Caption | None = None

    def description(self) -> models.media.Description:
        """Return the description, without the fields that only the server sets. Raises Invalid when the
        description is too large or nested too deep, or has a number that cannot be stored.
        """
        own = {name: value for name, value in (self.model_extra or {}).items() if name not in SERVERS_OWN}
        if not _can_be_stored(own, METADATA_DEPTH):
            raise Invalid(f"metadata can be nested {METADATA_DEPTH} deep, and its numbers must be finite")
        if len(to_json(self.model_dump(exclude=set(SERVERS_OWN), exclude_none=True))) > METADATA_BYTES:
            raise Invalid(f"metadata may hold {METADATA_BYTES} bytes of JSON")
        return models.media.Description(self.title, self.alt, self.caption, self.tags or {}, own)


def _can_be_stored(value: object, depth: int) -> bool:
    """Whether the JSON value is nested at most `depth` deep, and all its numbers are finite."""
    if isinstance(value, dict):
        inner = cast("dict[str, object]", value).values()
        return depth > 0 and all(_can_be_stored(each, depth - 1) for each in inner)
    if isinstance(value, list):
        return depth > 0 and all(_can_be_stored(each, depth - 1) for each in cast("list[object]", value))
    return not isinstance(value, float) or isfinite(value)


class Change(Input):
    """PATCH /api/media/{mediaId} and /api/folder/{folderId}: at least one field."""

    name: str = Field(default_factory=str, description="1 to 255 characters")
    metadata: Metadata = Field(
        default_factory=lambda: Metadata.model_validate({}), description="replaced whole"
    )

    def changes(self) -> tuple[str | None, models.media.Description | None]:
        """Return the new name and description; None for what stays. Raises Invalid where both stay."""
        named, described = ("name" in self.model_fields_set), ("metadata" in self.model_fields_set)
        if not named and not described:
            raise Invalid("Neither name nor metadata was provided")
        return self.name if named else None, self.metadata.description() if described else None
