"""What a dialect is: how one published API reads requests and writes answers. `STUDIO` is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from pydantic import BaseModel

from vitrine.errors import ApiError, RequestInProgress, ServiceUnavailable, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from vitrine.models.people import ItemKind
    from vitrine.permissions import RateLimit, Tier

M = TypeVar("M", bound=BaseModel)

Check = Literal["item", "organization", "scope", "role"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The rules and the formats of one published API. The endpoint knows dialects by this class alone."""

    bearer_first: bool  # the Authorization header counts before x-api-key where a request has both
    item_decides: bool  # the organization of the item in the path is used, before any that the client names
    session_decides: bool  # a session's active organization goes before its person's earliest membership
    limits: Mapping[Tier, RateLimit]
    checks: tuple[Check, ...]  # in this order; the first that fails determines the error
    missing: Mapping[ItemKind, str]  # the sentence of 404 for an item of each kind
    parse_id: Callable[[str], UUID | None]  # None when the text is not an id
    read_body: ReadBody  # raises Invalid
    # raises Invalid; NotImplementedYet for a parameter of the contract that is not served
    read_query: ReadQuery
    # (error, name of the operation or None) -> the error's response
    error_answer: Callable[[ApiError, str | None], Answer]
    # (request id, name of the operation or None) -> the response 500
    internal_error: Callable[[str, str | None], Answer]


class ReadBody(Protocol):
    def __call__(self, model: type[M], value: object) -> M:
        """Validate the JSON value or form fields of a body. Raises Invalid."""
        ...


class ReadQuery(Protocol):
    def __call__(self, model: type[M], values: Mapping[str, str]) -> M:
        """Validate the parameters of a query string. Raises Invalid or NotImplementedYet."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before it is encoded: bytes and text are sent as they are, with the content-type in
    `headers`.

    None is an empty body. Anything else becomes JSON.
    """

    body: object
    status: int | None = None  # None: the endpoint's own
    headers: Mapping[str, str] = field(default_factory=dict[str, str])  # lower-case names
    cookies: tuple[str, ...] = ()  # values of Set-Cookie


class MethodNotAllowed(ApiError):
    """The path exists, with other methods."""

    status, code = 405, "method_not_allowed"

    def __init__(self, method: str, allow: str) -> None:
        super().__init__(f"{method} is not allowed here; {allow} is")
        self.allow = allow  # the value of the header Allow


def error_headers(error: ApiError) -> dict[str, str]:
    """Return the headers that HTTP defines for an error: Retry-After or Allow.

    They are alike in every dialect.
    """
    if isinstance(error, (ServiceUnavailable, RequestInProgress, TooManyRequests)):
        return {"retry-after": str(error.retry_after)}
    return {"allow": error.allow} if isinstance(error, MethodNotAllowed) else {}
