"""ETags, and the checks that a request asks for with If-Match."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from pydantic_core import to_json

from vitrine.errors import PreconditionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


def strong_etag(state: object) -> str:
    """Return a strong ETag: the quoted first 32 hexadecimal digits of the SHA-256 of the state as JSON."""
    return f'"{hashlib.sha256(to_json(state)).hexdigest()[:32]}"'


def if_match(headers: Mapping[str, str], etag: Callable[[T], str]) -> Callable[[T], None] | None:
    """Return a check that raises PreconditionFailed where the ETag of its argument is none of those in
    If-Match.

    None where the request has no such header. `*` matches any state.
    """
    wanted = headers.get("if-match")
    if wanted is None:
        return None

    def check(item: T) -> None:
        if wanted.strip() != "*" and etag(item) not in [each.strip() for each in wanted.split(",")]:
            raise PreconditionFailed("It has changed since it was read; read it again")

    return check
