"""Tags: each has a group, and a value in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine import models


class Tags(TypedDict):
    tags: dict[str, list[str]]  # group -> values, both sorted by code point


def show_tags(tags: Sequence[models.tags.Tag]) -> Tags:
    """Serialize tags by group. Groups and values keep the order of the argument."""
    groups: dict[str, list[str]] = {}
    for tag in tags:
        groups.setdefault(tag.group, []).append(tag.name)
    return {"tags": groups}
