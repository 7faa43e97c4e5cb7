"""The parts of an HTTP response that tests compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


def outcome(answer: httpx.Response) -> tuple[int, Any]:
    """Return the status and the JSON body."""
    return answer.status_code, answer.json()
