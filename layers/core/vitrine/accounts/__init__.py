"""The spelling of people and their doors: `/api/auth/...`, as better-auth's clients speak it. Errors are the
Studio API's, with `message` beside.

Ids are the Studio API's too. What the endpoints take and answer stands in the modules of this package named
after them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from vitrine.dialects import Answer, studio
from vitrine.dialects.studio import STUDIO

if TYPE_CHECKING:
    from vitrine.errors import ApiError


class Error(studio.Error):
    message: str  # the sentence again


def error_answer(error: ApiError, operation: str | None) -> Answer:
    return _with_message(studio.error_answer(error, operation))


def internal_error(request_id: str, operation: str | None) -> Answer:
    return _with_message(studio.internal_error(request_id, operation))


def _with_message(answer: Answer) -> Answer:
    """better-auth's clients show `message`."""
    body = cast("dict[str, Any]", answer.body)
    return replace(answer, body={**body, "message": body["error"]})


ACCOUNTS = replace(STUDIO, error_answer=error_answer, internal_error=internal_error)
