"""The spelling of logins at devices: `/api/auth/device...`, RFC 8628 as better-auth speaks it.

Errors are {"error", "error_description"}: a word of the RFC and a sentence, which stands in `message` too,
since better-auth's clients show that.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, cast

from pydantic import AfterValidator, Field, WithJsonSchema
from typing_extensions import TypedDict

from vitrine.dialects import Answer, studio
from vitrine.dialects.formats import Input
from vitrine.dialects.studio import STUDIO
from vitrine.errors import NotGranted
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from vitrine.errors import ApiError
    from vitrine.library.devices import Begun, Granted, Login

GRANT = "urn:ietf:params:oauth:grant-type:device_code"

# ours -> OAuth's; others stay
_WORDS = {"invalid": "invalid_request", "internal_error": "server_error", "busy": "temporarily_unavailable"}


# What comes in.


class CodeRequest(Input):
    """A device asks. Both are shown to a person or handed back, so they are what RFC 6749 lets them be:
    printable ASCII.
    """

    client_id: str = Field(min_length=1, max_length=100, pattern="^[ -~]*$")
    scope: str = Field("", max_length=255, pattern="^[ -~]*$")


class TokenRequest(Input):
    """A device polls."""

    client_id: str = Field(min_length=1, max_length=100)
    device_code: Annotated[str, EXACT] = Field(min_length=1, max_length=100)
    grant_type: str = Field(min_length=1, max_length=100, description=GRANT)

    def require_grant(self) -> None:
        """Raises NotGranted for another grant than a device's."""
        if self.grant_type != GRANT:
            raise NotGranted("unsupported_grant_type", f"The grant type must be {GRANT}")


def _plain(typed: str) -> str:
    """A user code as it is kept, however it was typed: without dashes of any kind or spaces, in capitals.
    Letters beyond ASCII stay: some have a
    capital that is one of ASCII's, and are another letter all the same.
    """
    code = re.sub(r"[\s\-\u2010-\u2015\u2212]", "", typed)
    return code.upper() if code.isascii() else code


UserCode = Annotated[
    str,
    EXACT,
    Field(min_length=1, max_length=40),
    AfterValidator(_plain),
    WithJsonSchema({"type": "string", "maxLength": 40}),
]


class CodeQuery(Input):
    user_code: UserCode


class Decision(Input):
    userCode: UserCode


# What goes out.


class Code(TypedDict):
    device_code: str  # the device's secret
    user_code: str  # to be shown, with dashes or without
    verification_uri: str  # the page to type it into
    verification_uri_complete: str  # the same, already typed
    expires_in: int  # seconds
    interval: int  # seconds from one poll to the next


class Token(TypedDict):
    access_token: str  # of a session
    token_type: Literal["Bearer"]
    expires_in: int  # seconds
    scope: str


class Waiting(TypedDict):
    user_code: str
    status: Literal["pending", "approved", "denied"]
    clientId: str
    scope: str


class Success(TypedDict):
    success: Literal[True]


class Error(TypedDict):
    error: str  # a stable word, RFC 8628's and RFC 6749's where they have one
    error_description: str  # a sentence for a person
    message: str  # the same
    requestId: NotRequired[str]


def show_code(begun: Begun, origin: str) -> Code:
    """`origin` is this API's, which has the page."""
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


def show_login(login: Login) -> Waiting:
    return {
        "user_code": login.user_code,
        "status": login.status,
        "clientId": login.client_id,
        "scope": login.scope,
    }


def error_answer(error: ApiError, operation: str | None) -> Answer:
    return _in_two(studio.error_answer(error, operation))


def internal_error(request_id: str, operation: str | None) -> Answer:
    return _in_two(studio.internal_error(request_id, operation))


def _in_two(answer: Answer) -> Answer:
    """The Studio API's error as a word and a sentence."""
    said = cast("dict[str, Any]", answer.body)
    word, sentence = _WORDS.get(said["code"], said["code"]), said["error"]
    more = {"requestId": said["requestId"]} if "requestId" in said else {}
    return replace(answer, body={"error": word, "error_description": sentence, "message": sentence, **more})


DEVICES = replace(STUDIO, error_answer=error_answer, internal_error=internal_error)
