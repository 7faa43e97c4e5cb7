"""The v1 API's spelling: `/api/v1/...`. Ids with hyphens, every answer in an envelope, validation issues
as zod 4 gives them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from vitrine.dialects.dialect import Answer, Dialect, MethodNotAllowed, error_headers
from vitrine.dialects.formats import parse_id
from vitrine.dialects.studio import MISSING, show_time
from vitrine.dialects.v1.bodies import AddTag, CreateMedia, SetTags, UpdateMedia
from vitrine.dialects.v1.messages import MESSAGES, Messages
from vitrine.dialects.v1.show import (
    DeletedMedia,
    ListQuery,
    MediaPage,
    OneMedia,
    RestoredMedia,
    show_deleted,
    show_one,
    show_page,
    show_restored,
)
from vitrine.dialects.v1.uploads import (
    NothingTaken,
    UploadedFiles,
    UploadFiles,
    UploadLimits,
    files_of,
    show_limits,
    show_uploaded,
)
from vitrine.dialects.v1.zod import Mismatch, Schema
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
from vitrine.permissions import V1_LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "V1",
    "AddTag",
    "CreateMedia",
    "DeletedMedia",
    "ListQuery",
    "MediaPage",
    "OneMedia",
    "RestoredMedia",
    "SetTags",
    "UpdateMedia",
    "UploadFiles",
    "UploadLimits",
    "UploadedFiles",
    "files_of",
    "show_deleted",
    "show_limits",
    "show_one",
    "show_page",
    "show_restored",
    "show_uploaded",
]

M = TypeVar("M", bound=BaseModel)


def read_body(model: type[M], value: object) -> M:
    """Judged as zod does. The model is a Schema."""
    return _read(model, value, coerced=False)


def read_query(model: type[M], values: Mapping[str, str]) -> M:
    """Coerced as JavaScript does, judged as zod does. The model is a Schema."""
    return _read(model, values, coerced=True)


def _read(model: type[M], value: object, *, coerced: bool) -> M:
    if not issubclass(model, Schema):
        raise TypeError(f"{model.__name__} is not a Schema")
    return model.read(value, coerced=coerced)


def error_answer(error: ApiError, operation: str | None) -> Answer:
    # Three of the answers have neither `info` nor, the last of them, `code`: so the contract has it.
    if isinstance(error, UnknownOrganization):
        return Answer({"success": False, "error": "Team not found", "code": "TEAM_NOT_FOUND"}, 403)
    if isinstance(error, NotAMember):
        return Answer(
            {
                "success": False,
                "error": "Access denied: You are not a member of this team",
                "code": "NOT_A_MEMBER",
            },
            403,
        )
    if isinstance(error, NoOrganization):
        return Answer({"success": False, "error": "Team context required. Include x-team-id header."}, 400)

    if isinstance(error, TooManyRequests):  # nor has this one, which has a place of its own for the figures
        said = {
            "limit": error.allowed,
            "remaining": 0,
            "resetTime": show_time(error.resets_at),
            "retryAfter": error.retry_after,
        }
        sentence = "Too many requests. Please try again later."
        body = {
            "success": False,
            "error": "Rate limit exceeded",
            "message": sentence,
            "code": "RATE_LIMIT_EXCEEDED",
            "meta": said,
        }
        return Answer(body, 429, error_headers(error))

    if isinstance(error, MethodNotAllowed):
        return Answer(None, error.status, error_headers(error))
    if isinstance(error, Unauthorized):
        return _error(401, "Unauthorized")
    if isinstance(error, MissingScope):
        return _error(
            403, f"Insufficient permissions - {error.scope} scope required", code="INSUFFICIENT_SCOPE"
        )
    if isinstance(error, OtherOrganization):
        return _error(404, error.sentence)
    if isinstance(error, (SessionRequired, WrongOrigin)):
        return _error(403, error.sentence)
    if isinstance(error, Forbidden):
        return _error(403, "Permission denied", code="PERMISSION_DENIED")
    if isinstance(error, Mismatch):
        return _invalid(operation, error.sentence, error.zod)
    if isinstance(error, Invalid) and error.issues:  # as zod says what a schema's own check finds
        custom = [
            {"code": "custom", "path": list(issue.path), "message": issue.message} for issue in error.issues
        ]
        return _invalid(operation, error.sentence, custom)
    if isinstance(error, NothingTaken):
        return _error(error.status, error.sentence, details=error.details)
    if isinstance(error, UnsupportedType):  # the contract has no 415
        return _error(400, error.sentence)
    return _error(error.status, error.sentence, headers=error_headers(error))


def internal_error(request_id: str, operation: str | None) -> Answer:  # noqa: ARG001 - each dialect takes these arguments
    return _error(
        500, MESSAGES[operation].internal_error if operation in MESSAGES else "Internal server error"
    )


def _invalid(operation: str | None, sentence: str, issues: list[dict[str, Any]]) -> Answer:
    messages = MESSAGES.get(operation or "", Messages(sentence, ""))
    return _error(400, messages.invalid, details={"errors": issues} if messages.issues else None)


def _error(
    status: int,
    message: str,
    *,
    code: str | None = None,
    details: dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    body: dict[str, object] = {"success": False, "error": message, "code": code or f"HTTP_{status}"}
    if details is not None:
        body["details"] = details
    body["info"] = {"timestamp": show_time(datetime.now(UTC))}
    return Answer(body, status, headers or {})


V1 = Dialect(
    bearer_first=True,
    # a team is named, or the earliest membership counts; another team's item is not found
    item_decides=False,
    session_decides=False,  # its clients name the team by header or cookie
    limits=V1_LIMITS,
    checks=("scope", "organization", "role", "item"),
    missing=MISSING,
    parse_id=parse_id,
    read_body=read_body,
    read_query=read_query,
    error_answer=error_answer,
    internal_error=internal_error,
)
