"""Tags, and how a request names one.

Times are aware datetimes in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID
else:
    from vitrine.records import dataclass


@dataclass(frozen=True, slots=True)
class Tag:
    """A value in a group. An organization's items share its tags."""

    id: UUID
    group: str
    name: str
    is_active: bool  # False: the tag is hidden, and neither API shows it


@dataclass(frozen=True, slots=True)
class SluggedTag(Tag):
    """A tag of the group that the v1 API shows, with all that v1 shows of it."""

    slug: str
    description: str | None
    icon: str | None
    color: str | None
    order: int  # listings are sorted by it, then by name
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RequestedTag:
    """A tag as a request names it."""

    text: str  # as the client sent it
    id: UUID | None  # None when the text is not an id
    path: tuple[str | int, ...]  # where the text stands in the request's body
