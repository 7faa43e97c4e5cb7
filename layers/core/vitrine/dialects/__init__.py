"""What a dialect is: the spelling of one published API. Each module here is one, and `endpoint` speaks
through this protocol alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from vitrine.errors import ApiError, Busy, StillRunning, TooManyRequests
from vitrine.models.pages import UNCHANGED, Unchanged

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models.people import ItemKind
    from vitrine.permissions import RateLimit, Tier

M = TypeVar("M", bound=BaseModel)
V = TypeVar("V")

Check = Literal["item", "organization", "scope", "role"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. Bytes and text go as they are, with their own content-type; None is an empty body;
    all else becomes JSON.
    """

    body: object
    status: int | None = None  # None: the endpoint's own
    headers: Mapping[str, str] = field(default_factory=dict[str, str])  # lower-case names
    cookies: tuple[str, ...] = ()  # each as Set-Cookie spells it


class Input(BaseModel):
    """What a request says. Built when it is first used: a function uses one of many, and a cold start
    would pay for all.
    """

    model_config = ConfigDict(defer_build=True, allow_inf_nan=False)

    def sent(self, field: str, value: V) -> V | Unchanged:
        """The field's value; UNCHANGED where the request does not say it."""
        return value if field in self.model_fields_set else UNCHANGED


# How an item is described, in every dialect alike. v1 counts UTF-16 units, the others and the database
# characters.
Title = Annotated[str, Field(max_length=255)]
Alt = Annotated[str, Field(max_length=500)]
Caption = Annotated[str, Field(max_length=1000)]


class MethodNotAllowed(ApiError):
    """The path is there, under other methods."""

    status, code = 405, "method_not_allowed"

    def __init__(self, method: str, allow: str) -> None:
        super().__init__(f"{method} is not allowed here; {allow} is")
        self.allow = allow  # as the header spells it


def said_in_headers(error: ApiError) -> dict[str, str]:
    """What HTTP itself has a header for, in every dialect."""
    if isinstance(error, (Busy, StillRunning, TooManyRequests)):
        return {"retry-after": str(error.retry_after)}
    return {"allow": error.allow} if isinstance(error, MethodNotAllowed) else {}


class Dialect(Protocol):
    """A module of this package."""

    BEARER_FIRST: bool  # which credential counts when both headers are there
    ITEM_DECIDES: bool  # whether the item that the path names says which organization is opened
    SESSION_DECIDES: bool  # whether a session's active organization goes before the earliest membership
    LIMITS: Mapping[Tier, RateLimit]
    CHECKS: tuple[Check, ...]  # in the order in which they refuse
    MISSING: Mapping[ItemKind, str]  # what is said when the item is not there

    def parse_id(self, text: str) -> UUID | None:
        """None when it is none."""
        ...

    def read_body(self, model: type[M], value: object) -> M:
        """Raises Invalid."""
        ...

    def read_query(self, model: type[M], values: Mapping[str, str]) -> M:
        """Raises Invalid; NotServed for a parameter of the contract that is not served."""
        ...

    def error_answer(self, error: ApiError, operation: str | None) -> Answer:
        """In the dialect's shape and words."""
        ...

    def internal_error(self, request_id: str, operation: str | None) -> Answer:
        """500: a fault of ours, of which nothing is told."""
        ...
