"""Logins at devices, `/api/auth/device...`: RFC 8628 in the shapes of better-auth.

Errors are {"error", "error_description", "message"}: a code of the RFC and a sentence, twice. The clients of
better-auth display `message`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, cast

from pydantic import AfterValidator, Field, WithJsonSchema
from typing_extensions import TypedDict

from vitrine.dialects.formats import Input
from vitrine.dialects.studio import STUDIO
from vitrine.errors import DeviceAuthorizationError
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from vitrine.dialects.dialect import Answer
    from vitrine.errors import ApiError
    from vitrine.library.devices import Granted, Login, StartedLogin

GRANT = "urn:ietf:params:oauth:grant-type:device_code"

# The dialect.

# Our code -> OAuth's, where OAuth has one.
_OAUTH_CODES = {
    "invalid": "invalid_request",
    "internal_error": "server_error",
    "busy": "temporarily_unavailable",
}


class Error(TypedDict):
    error: str  # a stable word, RFC 8628's and RFC 6749's where they have one
    error_description: str  # a sentence for a person
    message: str  # repeats the sentence
    requestId: NotRequired[str]


def error_answer(error: ApiError, operation: str | None) -> Answer:
    return _as_oauth(STUDIO.error_answer(error, operation))


def internal_error(request_id: str, operation: str | None) -> Answer:
    return _as_oauth(STUDIO.internal_error(request_id, operation))


def _as_oauth(answer: Answer) -> Answer:
    """Turn an error of the Studio API into one of OAuth."""
    body = cast("dict[str, Any]", answer.body)
    code, sentence = _OAUTH_CODES.get(body["code"], body["code"]), body["error"]
    request_id = {"requestId": body["requestId"]} if "requestId" in body else {}
    return replace(
        answer, body={"error": code, "error_description": sentence, "message": sentence, **request_id}
    )


DEVICES = replace(STUDIO, error_answer=error_answer, internal_error=internal_error)


# What a device asks.


class CodeRequest(Input):
    """POST /api/auth/device/code. RFC 6749 allows printable ASCII in both: a person may see them."""

    client_id: str = Field(min_length=1, max_length=100, pattern="^[ -~]*$")
    scope: str = Field("", max_length=255, pattern="^[ -~]*$")


class Code(TypedDict):
    device_code: str  # the device's secret
    user_code: str  # for the device to display, with dashes or without
    verification_uri: str  # the page where a person types the user code
    verification_uri_complete: str  # that page, with the user code filled in
    expires_in: int  # seconds
    interval: int  # seconds from one poll to the next


class TokenRequest(Input):
    """POST /api/auth/device/token: one poll."""

    client_id: str = Field(min_length=1, max_length=100)
    device_code: Annotated[str, EXACT] = Field(min_length=1, max_length=100)
    grant_type: str = Field(min_length=1, max_length=100, description=GRANT)

    def require_grant(self) -> None:
        """Check that the grant type is the one of RFC 8628. Raises DeviceAuthorizationError for any other."""
        if self.grant_type != GRANT:
            raise DeviceAuthorizationError("unsupported_grant_type", f"The grant type must be {GRANT}")


class Token(TypedDict):
    access_token: str  # of a session
    token_type: Literal["Bearer"]
    expires_in: int  # seconds
    scope: str


def show_code(begun: StartedLogin, origin: str) -> Code:
    """`origin` is the origin of this API, which serves the page."""
    return {
        "device_code": begun.device_code,
        "user_code": begun.user_code,
        "verification_uri": f"{origin}/device",
        "verification_uri_complete": f"{origin}/device?user_code={begun.user_code}",
        "expires_in": begun.expires_in,
        "interval": begun.interval,
    }


def show_token(granted: Granted) -> Token:
    return {
        "access_token": granted.token,
        "token_type": "Bearer",
        "expires_in": granted.expires_in,
        "scope": granted.scope,
    }


# What a person decides.


def _without_dashes(typed: str) -> str:
    """Return a typed user code in its stored form: without spaces and dashes of any kind, in capitals.

    A code with letters beyond ASCII is not capitalized. Some of them have a capital in ASCII, and would
    become another code.
    """
    code = re.sub(r"[\s\-\u2010-\u2015\u2212]", "", typed)
    return code.upper() if code.isascii() else code


UserCode = Annotated[
    str,
    EXACT,
    Field(min_length=1, max_length=40),
    AfterValidator(_without_dashes),
    WithJsonSchema({"type": "string", "maxLength": 40}),
]


class CodeQuery(Input):
    user_code: UserCode


class Decision(Input):
    userCode: UserCode


class Waiting(TypedDict):
    user_code: str
    status: Literal["pending", "approved", "denied"]
    clientId: str
    scope: str


class Success(TypedDict):
    success: Literal[True]


def show_login(login: Login) -> Waiting:
    return {
        "user_code": login.user_code,
        "status": login.status,
        "clientId": login.client_id,
        "scope": login.scope,
    }
