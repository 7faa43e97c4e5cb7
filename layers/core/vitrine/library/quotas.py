"""The storage quota: how much of it one more upload may reserve, and the sentence of the error when it is
not enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine.errors import TooLarge

if TYPE_CHECKING:
    from vitrine.queries.uploads import Quota

CODE = "quota_exceeded"


def reserve(quota: Quota, asked: int | None, *, most: int) -> int:
    """The bytes that a new upload reserves: those it asked for, or (None) `most`, but never more than is
    left.

    Raises TooLarge when what it asked for does not fit, or when nothing at all is left.
    """
    left = quota.left
    if left is not None and left < (asked or 1):
        raise TooLarge(full(quota, asked), code=CODE)
    return asked if asked is not None else most if left is None else min(most, left)


def full(quota: Quota, asked: int | None, *, others: int | None = None) -> str:
    """The sentence for a file of `asked` bytes (None: of unknown size) that does not fit. `others`: the
    reserved bytes of other uploads that count
    against it; None: all of them.
    """
    reserved = quota.reserved if others is None else others
    rest = "nothing is left" if asked is None else f"this file has {asked}"
    return f"The organization's storage is full: {quota.stored} of {quota.limit} bytes are used, {reserved} are reserved by other uploads, and {rest}"
