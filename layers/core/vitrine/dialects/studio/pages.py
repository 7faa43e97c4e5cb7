"""What the listings of this API share: the paging of an answer, and the size at which a page is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic_core import to_json
from typing_extensions import TypedDict

from vitrine.dialects.formats import ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
S = TypeVar("S")


class CursorPagination(TypedDict):
    limit: int
    hasMore: bool
    nextCursor: str | None


def show_page(items: Sequence[T], show: Callable[[T], S]) -> list[S]:
    """Serialize items with `show`, and stop before their JSON exceeds ANSWER_BYTES.

    The first item always has a place.
    """
    shown: list[S] = []
    size = 0
    for item in items:
        one = show(item)
        size += len(to_json(one)) + 1
        if size > ANSWER_BYTES and shown:
            break
        shown.append(one)
    return shown
