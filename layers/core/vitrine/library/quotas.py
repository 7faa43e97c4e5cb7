"""The storage quota of an organization: whether a file fits, and the error's sentence when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine.errors import TooLarge

if TYPE_CHECKING:
    from vitrine.queries.uploads import Quota

CODE = "quota_exceeded"


def reserve(quota: Quota, declared: int | None, *, undeclared: int) -> int:
    """Return the bytes that a new upload reserves: those it declared; without a declaration `undeclared`, or
    what is left where that is less.

    Raises TooLarge when the declared bytes do not fit, or when nothing is left.
    """
    if _exceeds(quota, declared or 1, quota.reserved):
        raise TooLarge(_sentence(quota, declared, quota.reserved), code=CODE)
    if declared is not None:
        return declared
    return undeclared if quota.left is None else min(undeclared, quota.left)


def reason_to_reject(quota: Quota, size: int, *, reserved: int | None = None) -> str | None:
    """Return why `size` more bytes do not fit, as a sentence, or None when they do.

    `reserved`: the bytes of other uploads' reservations that count against it; None: all of them.
    """
    counted = quota.reserved if reserved is None else reserved
    return _sentence(quota, size, counted) if _exceeds(quota, size, counted) else None


def _exceeds(quota: Quota, size: int, reserved: int) -> bool:
    return quota.limit is not None and quota.stored + reserved + size > quota.limit


def _sentence(quota: Quota, size: int | None, reserved: int) -> str:
    rest = "nothing is left" if size is None else f"this file has {size}"
    return (
        f"The organization's storage is full: {quota.stored} of {quota.limit} bytes are used, "
        f"{reserved} are reserved by other uploads, and {rest}"
    )
