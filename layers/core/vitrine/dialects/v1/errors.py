"""v1's errors: {"success": false, "error", "code", "details"?, "info"}. Some errors deviate from this form,
because v1's published contract does: they have no `info`, no `code`, or `message` and `meta` besides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NotRequired

from typing_extensions import TypedDict

from vitrine.dialects.dialect import Answer, MethodNotAllowed, error_headers
from vitrine.dialects.formats import Time, show_time
from vitrine.dialects.v1.envelope import Info, info
from vitrine.dialects.v1.messages import MESSAGES, Messages
from vitrine.dialects.v1.zod import Mismatch
from vitrine.errors import (
    ApiError,
    Forbidden,
    Invalid,
    MissingScope,
    NoOrganization,
    NotAMember,
    OtherOrganization,
    SessionRequired,
    TooManyRequests,
    Unauthorized,
    UnknownOrganization,
    UnsupportedType,
    WrongOrigin,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class ErrorDetails(TypedDict):
    errors: NotRequired[list[dict[str, object]]]  # zod issues
    allowedTypes: NotRequired[list[str]]  # where a type is not accepted
    maxSize: NotRequired[str]  # of an upload that is too large, "10MB"
    fileSize: NotRequired[str]  # "12.34MB"
    fileName: NotRequired[str]  # of an upload that failed
    error: NotRequired[str]


class RateMeta(TypedDict):
    limit: int  # requests per window
    remaining: int
    resetTime: Time
    retryAfter: int  # seconds


class Error(TypedDict):
    success: Literal[False]
    error: str
    code: NotRequired[str]
    details: NotRequired[ErrorDetails]
    message: NotRequired[str]  # of a 429 alone
    meta: NotRequired[RateMeta]  # of a 429 alone
    info: NotRequired[Info]


class NoFileAccepted(ApiError):
    """No file of a form was accepted. The sentence says why the first was not."""

    def __init__(self, status: int, sentence: str, details: dict[str, Any] | None) -> None:
        super().__init__(sentence)
        self.status, self.details = status, details


class Row(NamedTuple):
    """How one type of error is answered."""

    status: int | None = None  # None: the error's own
    sentence: str | None = None  # with {error.<attribute>}; None: the error's own
    code: str | None = None  # None: HTTP_<status>
    # False: the body has no `info`, and a `code` only where this row has one. The contract defines these
    # answers
    # so.
    complete: bool = True


# The row of an error is that of its type, or of the nearest base of its type.
ROWS: Mapping[type[ApiError], Row] = {
    UnknownOrganization: Row(403, "Team not found", "TEAM_NOT_FOUND", complete=False),
    NotAMember: Row(403, "Access denied: You are not a member of this team", "NOT_A_MEMBER", complete=False),
    NoOrganization: Row(400, "Team context required. Include x-team-id header.", complete=False),
    Unauthorized: Row(401, "Unauthorized"),
    Forbidden: Row(403, "Permission denied", "PERMISSION_DENIED"),
    MissingScope: Row(403, "Insufficient permissions - {error.scope} scope required", "INSUFFICIENT_SCOPE"),
    SessionRequired: Row(403),
    WrongOrigin: Row(403),
    OtherOrganization: Row(404),
    UnsupportedType: Row(400),  # the contract has no 415
    ApiError: Row(),
}


def error_answer(error: ApiError, operation: str | None) -> Answer:
    """Serialize an error. For invalid input the contract may have a sentence of the operation."""
    if isinstance(error, MethodNotAllowed):
        return Answer(None, error.status, error_headers(error))
    if isinstance(error, TooManyRequests):
        return _rate_limited(error)
    if isinstance(error, Mismatch):
        return _invalid(operation, error.sentence, error.zod)
    if isinstance(error, Invalid) and error.issues:  # as zod reports what a schema's own check finds
        custom = [
            {"code": "custom", "path": list(issue.path), "message": issue.message} for issue in error.issues
        ]
        return _invalid(operation, error.sentence, custom)

    row = next(ROWS[base] for base in type(error).__mro__ if base in ROWS)
    status = error.status if row.status is None else row.status
    sentence = error.sentence if row.sentence is None else row.sentence.format(error=error)
    if not row.complete:
        code = {} if row.code is None else {"code": row.code}
        return Answer({"success": False, "error": sentence, **code}, status)
    details = error.details if isinstance(error, NoFileAccepted) else None
    return _complete(status, sentence, code=row.code, details=details, headers=error_headers(error))


def internal_error(request_id: str, operation: str | None) -> Answer:  # noqa: ARG001 - Studio shows the id
    """Serialize a 500, with the sentence that the contract has for the operation."""
    return _complete(
        500, MESSAGES[operation].internal_error if operation in MESSAGES else "Internal server error"
    )


def _rate_limited(error: TooManyRequests) -> Answer:
    """Return the response to a request over a rate limit: 429 with `message`, the figures of the limit in
    `meta`, and no `info`.
    """
    meta: RateMeta = {
        "limit": error.allowed,
        "remaining": 0,
        "resetTime": show_time(error.resets_at),
        "retryAfter": error.retry_after,
    }
    body = {
        "success": False,
        "error": "Rate limit exceeded",
        "message": "Too many requests. Please try again later.",
        "code": "RATE_LIMIT_EXCEEDED",
        "meta": meta,
    }
    return Answer(body, 429, error_headers(error))


def _invalid(operation: str | None, sentence: str, issues: list[dict[str, Any]]) -> Answer:
    messages = MESSAGES.get(operation or "", Messages(sentence, ""))
    return _complete(400, messages.invalid, details={"errors": issues} if messages.issues else None)


def _complete(
    status: int,
    sentence: str,
    *,
    code: str | None = None,
    details: dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    body: dict[str, object] = {"success": False, "error": sentence, "code": code or f"HTTP_{status}"}
    if details is not None:
        body["details"] = details
    body["info"] = info()
    return Answer(body, status, headers or {})
