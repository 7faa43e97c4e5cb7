"""The errors that the library raises. A dialect turns an ApiError into an answer in its own shape and words.

ApiError                          an error that is reported to the client: a sentence, a code, a status
├── Invalid                       400  the input breaks the contract
│   └── UnstorableText            400  a text contains NUL
├── NoOrganization                400  the caller belongs to no organization and named none
├── DeviceAuthorizationError      400  a device login that cannot go on (RFC 8628)
├── Unauthorized                  401  no valid credential
├── InvalidCredentials            401  e-mail and password do not match
├── Forbidden                     403  the caller's role is not sufficient
│   ├── MissingScope              403  the API key lacks a scope
│   ├── SessionRequired           403  an API key was used where a session is needed
│   └── WrongOrigin               403  a browser sent its cookie from a foreign page
├── NotFound                      404  missing, or not visible to the caller
│   ├── UnknownOrganization       404  the organization that the caller named does not exist
│   └── OtherOrganization         404  exists in another organization (Studio answers 403)
│       └── NotAMember            404  the caller named an organization of others (Studio answers 403)
├── Conflict                      409  the present state does not allow the request
│   ├── AlreadyExists             409  a unique constraint is violated
│   └── RequestInProgress         409  the same Idempotency-Key is in use
├── Gone                          410  deleted for good
├── PreconditionFailed            412  If-Match names another version
├── TooLarge                      413  over a limit in bytes
├── UnsupportedType               415  the type is not accepted
├── Unprocessable                 422  well-formed, and rejected for its content
│   └── IdempotencyKeyReused      422  the key belongs to another request
├── TooManyRequests               429  over a rate limit
├── NotImplementedYet             501  in the contract, not in this deployment
└── ServiceUnavailable            503  in progress elsewhere, or a service does not answer

DependencyUnavailable             a process or service that our code needs does not work at present
InternalError                     our own code raised an exception in another process
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class ApiError(Exception):
    """An error that is reported to the client, with a sentence for the person who made the request.

    `code` is a stable word that a program can branch on. `status` is the HTTP status in every dialect whose
    contract promises no other one.
    """

    status = 500
    code = "internal_error"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code is not None:
            self.code = code


@dataclass(frozen=True, slots=True)
class Issue:
    """One invalid value of the input."""

    path: tuple[str | int, ...]  # names of fields and indexes of lists, from the outside in
    message: str


class Invalid(ApiError):
    """The input breaks the contract. `issues` name the invalid fields, where the error belongs to fields."""

    status, code = 400, "invalid"

    def __init__(self, sentence: str, *, issues: tuple[Issue, ...] = (), code: str | None = None) -> None:
        super().__init__(sentence, code=code)
        self.issues = issues


class UnstorableText(Invalid):
    """A text contains NUL (U+0000), which PostgreSQL cannot store."""

    def __init__(self) -> None:
        super().__init__("A text holds a character that cannot be stored")


class NoOrganization(ApiError):
    """The caller belongs to no organization and named none."""

    status, code = 400, "organization_required"


class DeviceAuthorizationError(ApiError):
    """A device login that is not granted, yet or at all. `code` is the error code of RFC 8628, 3.5, by which
    the device decides whether to poll again.
    """

    status = 400

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence, code=code)


class Unauthorized(ApiError):
    """The request has no valid credential. Missing, malformed, unknown, expired and revoked credentials are
    indistinguishable to the client.
    """

    status, code = 401, "unauthorized"

    def __init__(self) -> None:
        super().__init__("Missing or invalid authentication")


class InvalidCredentials(ApiError):
    """E-mail and password do not match. A missing account, an account without a password and a wrong password
    are indistinguishable to the client.
    """

    status, code = 401, "invalid_email_or_password"

    def __init__(self) -> None:
        super().__init__("Invalid email or password")


class Forbidden(ApiError):
    """The caller is authenticated, and their role does not permit the operation."""

    status, code = 403, "insufficient_role"


class MissingScope(Forbidden):
    """The API key was created without the scope that the operation needs."""

    code = "insufficient_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This API key does not have the scope {scope}")
        self.scope = scope


class SessionRequired(Forbidden):
    """The caller used an API key for an operation that needs a signed-in person."""

    code = "session_required"


class WrongOrigin(Forbidden):
    """A browser sent its cookie, or a request that only our own pages may send, from a page of an origin that
    is not allowed.
    """

    code = "origin_not_allowed"


class NotFound(ApiError):
    """The resource is missing, or the caller may not know that it exists."""

    status, code = 404, "not_found"


class UnknownOrganization(NotFound):
    """The organization that the caller named does not exist."""

    code = "organization_not_found"


class OtherOrganization(NotFound):
    """The resource exists in an organization of which the caller is no member. Studio promises 403 here,
    v1 404.
    """

    code = "other_organization"


class NotAMember(OtherOrganization):
    """The organization that the caller named exists, and the caller is no member of it."""

    code = "not_a_member"


class Conflict(ApiError):
    """The present state of the resource does not allow the request."""

    status, code = 409, "conflict"


class AlreadyExists(Conflict):
    """A unique constraint is violated: another transaction committed the row after this one had looked for
    it, or the code did not look.
    """


class RequestInProgress(Conflict):
    """Another request with the same Idempotency-Key is in progress."""

    code = "still_running"
    retry_after = 2  # seconds


class Gone(ApiError):
    """The resource was deleted for good."""

    status, code = 410, "gone"


class PreconditionFailed(ApiError):
    """The resource has changed since the caller read it, and the request has If-Match."""

    status, code = 412, "stale"


class TooLarge(ApiError):
    """The request or file is over a limit in bytes, which the sentence names."""

    status, code = 413, "too_large"


class UnsupportedType(ApiError):
    """The type of the content is not accepted."""

    status, code = 415, "unsupported_type"


class Unprocessable(ApiError):
    """The request is well-formed, and is rejected for its content."""

    status, code = 422, "unprocessable"


class IdempotencyKeyReused(Unprocessable):
    """The Idempotency-Key belongs to another request."""

    code = "idempotency_key_reused"


class TooManyRequests(ApiError):
    """The request is over a rate limit. The sentence says in how many seconds the next window begins."""

    status, code = 429, "rate_limited"

    def __init__(self, *, allowed: int, resets_at: datetime, retry_after: int) -> None:
        super().__init__(
            f"Too many requests; try again in {retry_after} second{'' if retry_after == 1 else 's'}"
        )
        self.allowed = allowed  # requests per window
        self.resets_at = resets_at  # when the next window begins
        self.retry_after = retry_after  # seconds


class NotImplementedYet(ApiError):
    """The contract has the feature, and this deployment does not."""

    status, code = 501, "not_served"


class ServiceUnavailable(ApiError):
    """Another call works on this already, or a service that we depend on does not answer. The client may
    send the request again after `retry_after`.
    """

    status, code = 503, "busy"

    def __init__(self, sentence: str, *, retry_after: int = 2) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after  # seconds


class DependencyUnavailable(Exception):
    """A process or service that our code needs does not work at present. A later attempt may succeed."""


class InternalError(Exception):
    """Our own code raised an exception in another process. The file that it worked on may be whole.

    `kind` is the type of that exception, and `trace` its traceback, in lines. Both were sent by that process:
    they are for the log alone.
    """

    def __init__(self, kind: str, trace: str) -> None:
        super().__init__(kind)
        self.kind, self.trace = kind, trace
