"""Tags, and values that have a name.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
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
    """A value in a group, which items of an organization have."""

    id: UUID
    group: str
    name: str
    is_active: bool  # False: hidden, shown by neither API


@dataclass(frozen=True, slots=True)
class SluggedTag(Tag):
    """A tag of the group that v1 sees, whole."""

    slug: str
    description: str | None
    icon: str | None
    color: str | None
    order: int  # of listings, before the name
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RequestedTag:
    """A thing as a request names it."""

    said: str
    id: UUID | None  # None: what was said is no id
    path: tuple[str | int, ...]  # where in the body
