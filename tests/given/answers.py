"""The parts of an HTTP response that tests compare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


def outcome(answer: httpx.Response) -> tuple[int, Any]:
    """Return the status and the JSON body."""
    return answer.status_code, answer.json()


def unsigned(text: str) -> str:
    """The text without the queries of its presigned URLs, which differ from second to second."""
    return re.sub(r'\?[^\s"]*X-Amz-[^\s"]*', "", text)
