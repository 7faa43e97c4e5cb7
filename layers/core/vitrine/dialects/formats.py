"""How ids, times, cursors and input errors are written: what several dialects have in common."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Literal, NotRequired, TypeVar, cast
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from vitrine import models
from vitrine.errors import Invalid, Issue, NotFound
from vitrine.models.pages import UNCHANGED, Unchanged

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)
V = TypeVar("V")

# Lambda's limit of a response is 6 MB. Longer pages are cut at this size, which leaves room for what
# surrounds them.
ANSWER_BYTES = 5_000_000
MAX_SCOPES = 100  # in the list of a request, repeated scopes included


# Requests.


class Input(BaseModel):
    """The base of the models of bodies and queries.

    Pydantic builds a model when it is first used: a function uses one of many, and a cold start would pay for
    all.
    """

    model_config = ConfigDict(defer_build=True, allow_inf_nan=False)

    def sent(self, field: str, value: V) -> V | Unchanged:
        """Return the field's value; UNCHANGED where the request does not have the field."""
        return value if field in self.model_fields_set else UNCHANGED


# v1 counts UTF-16 units; the other dialects and the database count characters.
Title = Annotated[str, Field(max_length=255)]
Alt = Annotated[str, Field(max_length=500)]
Caption = Annotated[str, Field(max_length=1000)]


def _validate_id(value: object) -> UUID:
    item = parse_id(value) if isinstance(value, str) else None
    if item is None:
        raise PydanticCustomError("id", "Must be an id of 32 hexadecimal digits, hyphens allowed")
    return item


Id = Annotated[
    UUID,
    BeforeValidator(_validate_id),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F-]{32,36}$"}),
]


def _validate_file(value: object) -> models.uploads.SentFile:
    if not isinstance(value, models.uploads.SentFile):
        raise PydanticCustomError("file", "Must be a file")
    return value


SentFile = Annotated[
    models.uploads.SentFile,
    PlainValidator(_validate_file),
    WithJsonSchema({"type": "string", "contentMediaType": "application/octet-stream"}),
]

_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def parse_id(text: str) -> UUID | None:
    """Read 32 hexadecimal digits, with the hyphens of a UUID or without. None when the text is not an id."""
    return UUID(text) if _ID.fullmatch(text) else None


def require_id(text: str, missing: str) -> UUID:
    """Read an id from the path. Raises NotFound with the sentence `missing` when the text is not an id."""
    item = parse_id(text)
    if item is None:
        raise NotFound(missing)
    return item


def parse_time(text: str) -> datetime | None:
    """Read a time of RFC 3339 with its zone. None when the text is not one."""
    try:
        return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:  # the 31st of June
        return None


def parse_cursor(text: str) -> models.pages.Cursor:
    """Read what `show_cursor` has written. Raises Invalid for any other text."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:  # not base64, not UTF-8
        decoded = ""
    item = parse_id(decoded[:32])
    if item is None or not decoded.isprintable():
        raise Invalid(
            "The cursor is not one of this listing",
            issues=(Issue(("cursor",), "Not a cursor of this listing"),),
        )
    return models.pages.Cursor(decoded[32:], item)


# pydantic's error type -> the sentence about the field, with the numbers of pydantic's context. A field with
# an error of another type "is not valid".
_SENTENCES = {
    "missing": "Required",
    "extra_forbidden": "Is not known here",
    "none_required": "Must be null",
    "string_type": "Must be a string",
    "string_unicode": "Must be a string",
    "string_pattern_mismatch": "Is not in the right form",
    "string_too_short": "Must have at least {min_length} {characters}",
    "string_too_long": "Must have at most {max_length} {characters}",
    "int_type": "Must be a whole number",
    "int_parsing": "Must be a whole number",
    "int_parsing_size": "Must be a smaller number",
    "int_from_float": "Must be a whole number",
    "float_type": "Must be a number",
    "float_parsing": "Must be a number",
    "finite_number": "Must be a finite number",
    "greater_than": "Must be more than {gt}",
    "greater_than_equal": "Must be {ge} or more",
    "less_than": "Must be less than {lt}",
    "less_than_equal": "Must be {le} or less",
    "multiple_of": "Must be a multiple of {multiple_of}",
    "bool_type": "Must be true or false",
    "bool_parsing": "Must be true or false",
    "literal_error": "Must be {options}",
    "enum": "Must be {options}",
    "list_type": "Must be an array",
    "tuple_type": "Must be an array",
    "set_type": "Must be an array",
    "too_short": "Must have at least {min_length} {items}",
    "too_long": "Must have at most {max_length} {items}",
    "dict_type": "Must be an object",
    "model_type": "Must be an object",
    "model_attributes_type": "Must be an object",
    "union_tag_not_found": "Must be of one of the known kinds",
    "union_tag_invalid": "Must be of one of the known kinds",
    "date_type": "Must be a date",
    "date_parsing": "Must be a date",
    "date_from_datetime_parsing": "Must be a date",
    "date_from_datetime_inexact": "Must be a date without a time",
    "datetime_type": "Must be a time in ISO 8601",
    "datetime_parsing": "Must be a time in ISO 8601",
    "datetime_from_date_parsing": "Must be a time in ISO 8601",
    "datetime_object_invalid": "Must be a time in ISO 8601",
    "timezone_aware": "Must be a time with its zone",
    "url_type": "Must be a URL",
    "url_parsing": "Must be a URL",
    "url_scheme": "Must be a URL of http or https",
    "url_too_long": "Must have at most {max_length} {characters}",
    "value_error": "{error}",  # the sentence of a validator in our own models
}


def read_body(model: type[M], value: object) -> M:
    """Validate a JSON value or the fields of a form with pydantic.

    Raises Invalid with an issue for each wrong field.
    """
    try:
        body = model.model_validate(value)
    except ValidationError as error:
        raise _invalid(error) from None
    if _has_infinite_number(value):
        # Fields of any type are stored as they are sent, so no model has checked what is inside them.
        raise Invalid("A number is too large to be kept")
    return body


def _invalid(error: ValidationError) -> Invalid:
    issues = tuple(Issue(each["loc"], _sentence(each)) for each in error.errors(include_input=False))
    where = ".".join(map(str, issues[0].path)) or "body"
    return Invalid(f"{where}: {issues[0].message}", issues=issues)


def _sentence(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] not in _SENTENCES:
        # pydantic's own errors have a URL. Others are errors of our models, with our sentence.
        return "Is not valid" if "url" in error else error["msg"]
    numbers = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in context.items()
    }
    singular = context.get("max_length", context.get("min_length")) == 1
    options = str(context.get("expected", "")).replace("' or '", ", ").replace("', '", ", ").strip("'")
    return _SENTENCES[error["type"]].format(
        **numbers,
        characters="character" if singular else "characters",
        items="element" if singular else "elements",
        options=f"one of {options}" if "," in options else options,
    )


def _has_infinite_number(value: object) -> bool:
    """Whether the JSON value contains a number such as 1e999, which is beyond the range of a double."""
    if isinstance(value, dict):
        return any(map(_has_infinite_number, cast("dict[str, object]", value).values()))
    if isinstance(value, list):
        return any(map(_has_infinite_number, cast("list[object]", value)))
    return isinstance(value, float) and not isfinite(value)


# Answers.

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Link = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]


class Processing(TypedDict):
    state: Literal["pending", "ready", "failed"]
    reason: str | None  # why processing failed
    # the frames are being made anew; until then a ready version shows those it has
    reprocessing: NotRequired[Literal[True]]
    reprocessFailure: NotRequired[str]  # why reprocessing failed; the frames are those from before


def show_time(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC, with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def show_cursor(cursor: models.pages.Cursor) -> str:
    """Write a cursor as unpadded URL-safe base64 of id and sort key.

    Clients send it back and do not read it.
    """
    return base64.urlsafe_b64encode(f"{cursor.id.hex}{cursor.key}".encode()).decode().rstrip("=")
