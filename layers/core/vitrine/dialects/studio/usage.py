"""How much an organization stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from vitrine import models


class Bytes(TypedDict):
    active: int
    trash: int
    originals: int
    derived: int
    total: int  # stored: active and trash
    reserved: int  # by open uploads, beside the total


class Counts(TypedDict):
    active: int
    trash: int


class Usage(TypedDict):
    bytes: Bytes
    counts: Counts  # originals
    limit: int | None  # bytes; null: none


def show_usage(usage: models.deletions.Usage) -> Usage:
    return {
        "bytes": {
            "active": usage.active_bytes,
            "trash": usage.trash_bytes,
            "originals": usage.original_bytes,
            "derived": usage.derived_bytes,
            "total": usage.stored_bytes,
            "reserved": usage.reserved_bytes,
        },
        "counts": {"active": usage.active_count, "trash": usage.trash_count},
        "limit": usage.limit_bytes,
    }
