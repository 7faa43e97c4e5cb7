"""What a caller can be told went wrong. Each type names what happened; the dialects say it in their own
words and shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class ApiError(Exception):
    """A request that ends here, with a sentence for the person who made it.

    `code` is a stable word a program can branch on; `status` is the HTTP status that every dialect agrees on
    unless its contract says otherwise.
    """

    status = 500
    code = "internal_error"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code is not None:
            self.code = code


class Unauthorized(ApiError):
    """Nobody, or nobody we know. Missing, malformed, unknown, expired and revoked credentials are
    indistinguishable.
    """

    status, code = 401, "unauthorized"

    def __init__(self) -> None:
        super().__init__("Missing or invalid authentication")


class NotRecognized(ApiError):
    """No such account, none with a password, or another password: indistinguishable."""

    status, code = 401, "invalid_email_or_password"

    def __init__(self) -> None:
        super().__init__("Invalid email or password")


class Forbidden(ApiError):
    """Known, but the role does not reach."""

    status, code = 403, "insufficient_role"


class MissingScope(Forbidden):
    """The key was made without this scope."""

    code = "insufficient_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This API key does not have the scope {scope}")
        self.scope = scope


class NotFound(ApiError):
    """There is no such thing, or none that the caller may know of."""

    status, code = 404, "not_found"


class OtherOrganization(NotFound):
    """The thing exists in an organization the caller is not in. Studio promises 403 here, v1 404."""

    code = "other_organization"


class SessionRequired(Forbidden):
    """Known by an API key, for something that only a signed-in person may do."""

    code = "session_required"


class WrongOrigin(Forbidden):
    """A browser brought its cookie along from a page that is not ours."""

    code = "origin_not_allowed"


class TooManyRequests(ApiError):
    """Over a rate limit. The sentence says after how many seconds the next window begins."""

    status, code = 429, "rate_limited"

    def __init__(self, *, allowed: int, resets_at: datetime, retry_after: int) -> None:
        super().__init__(
            f"Too many requests; try again in {retry_after} second{'' if retry_after == 1 else 's'}"
        )
        # requests, when the next window begins, seconds
        self.allowed, self.resets_at, self.retry_after = allowed, resets_at, retry_after


class NoOrganization(ApiError):
    """The caller belongs to no organization and named none."""

    status, code = 400, "organization_required"


class UnknownOrganization(NotFound):
    """The organization the caller named does not exist."""

    code = "organization_not_found"


class NotAMember(OtherOrganization):
    """The organization the caller named exists; the caller is not in it."""

    code = "not_a_member"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with the input: where, and what in words."""

    path: tuple[str | int, ...]
    message: str


class Invalid(ApiError):
    """The input is not what the contract says. `issues` are given where single fields are at fault."""

    status, code = 400, "invalid"

    def __init__(self, sentence: str, *, issues: tuple[Issue, ...] = (), code: str | None = None) -> None:
        super().__init__(sentence, code=code)
        self.issues = issues


class NotGranted(ApiError):
    """A login at a device that is not granted: not yet, or never. `code` is RFC 8628's word for why,
    which devices act on.
    """

    status = 400

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence, code=code)


class Conflict(ApiError):
    """The state of things does not allow it."""

    status, code = 409, "conflict"


class Taken(Conflict):
    """Another row has what must be unique: it was committed after the transaction had looked for it, or
    nothing looked.
    """


class StillRunning(Conflict):
    """The same request is being worked on."""

    code = "still_running"
    retry_after = 2  # seconds


class Stale(ApiError):
    """It has changed since the caller looked, who asked that it had not."""

    status, code = 412, "stale"


class Gone(ApiError):
    """It was here and is no more, for good."""

    status, code = 410, "gone"


class TooLarge(ApiError):
    """Over a limit in bytes, which the sentence names."""

    status, code = 413, "too_large"


class UnsupportedType(ApiError):
    """The bytes are of a type that is not taken."""

    status, code = 415, "unsupported_type"


class Unprocessable(ApiError):
    """Understood, and refused for what the content is."""

    status, code = 422, "unprocessable"


class KeyReused(Unprocessable):
    """An Idempotency-Key that belongs to another request."""

    code = "idempotency_key_reused"


class NotServed(ApiError):
    """The contract has it, this deployment does not."""

    status, code = 501, "not_served"


class Unavailable(Exception):
    """A process or service that our code needs does not work at present. Trying again later may help."""


class InternalError(Exception):
    """Our own code raised an exception in another process. The file that it worked on may be whole.

    `kind` is the type of that exception, and `trace` its traceback, in lines. Both were sent by that process:
    they are for the log alone.
    """

    def __init__(self, kind: str, trace: str) -> None:
        super().__init__(kind)
        self.kind, self.trace = kind, trace


class Busy(ApiError):
    """The same work is under way, or a part we stand on is not answering: ask again."""

    status, code = 503, "busy"

    def __init__(self, sentence: str, *, retry_after: int = 2) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after  # seconds
