"""People, organizations, keys and devices, `/api/auth/...`: the shapes of better-auth, so that its clients
work.

Ids and errors are the Studio API's, and an error has `message` besides. `ACCOUNTS` is the dialect; the
modules of this package have the bodies, queries and answers of one noun each. Logins at devices have errors
of their own: `devices`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from vitrine.dialects import studio
from vitrine.dialects.studio import STUDIO

if TYPE_CHECKING:
    from vitrine.dialects.dialect import Answer
    from vitrine.errors import ApiError


class Error(studio.Error):
    message: str  # repeats the sentence of `error`


def error_answer(error: ApiError, operation: str | None) -> Answer:
    return _with_message(STUDIO.error_answer(error, operation))


def internal_error(request_id: str, operation: str | None) -> Answer:
    return _with_message(STUDIO.internal_error(request_id, operation))


def _with_message(answer: Answer) -> Answer:
    """Add `message`, which the clients of better-auth display."""
    body = cast("dict[str, Any]", answer.body)
    return replace(answer, body={**body, "message": body["error"]})


ACCOUNTS = replace(STUDIO, error_answer=error_answer, internal_error=internal_error)
