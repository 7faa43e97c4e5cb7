"""The Studio API, `/api/...`: ids are 32 hexadecimal digits, errors are {"error", "code"}.

`STUDIO` is the dialect. Each module of this package has the bodies, queries and answers of one noun. A
function imports the nouns that it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypeVar

from pydantic import BaseModel
from typing_extensions import TypedDict

from vitrine.dialects.dialect import Answer, Dialect, error_headers
from vitrine.dialects.formats import parse_id, read_body
from vitrine.errors import ApiError, Invalid, NotAMember, NotImplementedYet, OtherOrganization
from vitrine.permissions import STUDIO_LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping

M = TypeVar("M", bound=BaseModel)


class Detail(TypedDict):
    path: list[str | int]
    message: str


class Error(TypedDict):
    error: str  # a sentence for a person
    code: str  # a stable word
    details: NotRequired[list[Detail]]
    requestId: NotRequired[str]


def read_query(model: type[M], values: Mapping[str, str]) -> M:
    """Validate a query. An empty parameter counts as absent, because clients send some without a value.

    Raises Invalid; NotImplementedYet for a parameter that the model lists in UNSERVED. `recursive=false` is
    served.
    """
    given = {name: value for name, value in values.items() if value != ""}
    unserved = [
        name
        for name in getattr(model, "UNSERVED", ())
        if name in given and (name, given[name]) != ("recursive", "false")
    ]
    if unserved:
        raise NotImplementedYet(f"The parameter {unserved[0]} is not served by this deployment yet")
    # Python, and so pydantic, reads 1_000 as a number. No client intends that, so such a text
    # is replaced by one that fails the validation.
    grouped = [
        name
        for name, field in model.model_fields.items()
        if field.annotation in (int, float) and "_" in given.get(name, "")
    ]
    return read_body(model, {**given, **dict.fromkeys(grouped, "?")})


def error_answer(error: ApiError, operation: str | None) -> Answer:  # noqa: ARG001 - v1 needs the operation
    """Serialize an error. An item of another organization is 403, as the documents of this API promise."""
    if isinstance(error, OtherOrganization):
        sentence = (
            error.sentence if isinstance(error, NotAMember) else "No access to this item's organization"
        )
        return Answer({"error": sentence, "code": error.code}, 403)
    return show_error(error)


def show_error(error: ApiError) -> Answer:
    """Serialize an error with its own status; `details` where single fields are wrong."""
    body: dict[str, object] = {"error": error.sentence, "code": error.code}
    if isinstance(error, Invalid) and error.issues:
        body["details"] = [{"path": list(issue.path), "message": issue.message} for issue in error.issues]
    return Answer(body, error.status, error_headers(error))


def internal_error(request_id: str, operation: str | None) -> Answer:  # noqa: ARG001 - v1 needs the operation
    """Serialize a 500, which tells the client nothing but the request's id."""
    return Answer({"error": "Internal server error", "code": "internal_error", "requestId": request_id}, 500)


STUDIO = Dialect(
    bearer_first=False,
    item_decides=True,
    session_decides=True,
    limits=STUDIO_LIMITS,
    checks=("item", "organization", "scope", "role"),
    missing={
        "organization": "Organization not found",
        "collection": "Collection not found",
        "media": "Media not found",
        "folder": "Folder not found",
        "upload": "Upload not found",
        "upload_version": "Upload not found",
        "upload_key": "Upload not found",
    },
    parse_id=parse_id,
    read_body=read_body,
    read_query=read_query,
    error_answer=error_answer,
    internal_error=internal_error,
)
