"""What all answers of v1 share: success, data and info."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from typing_extensions import TypedDict

from vitrine.dialects.formats import Time, show_time


class Info(TypedDict):
    timestamp: Time


class Deletion(TypedDict):
    message: str
    success: Literal[True]
    id: str


def info() -> Info:
    """Return the time of the answer."""
    return {"timestamp": show_time(datetime.now(UTC))}
