"""Bodies of requests: read from the connection within a limit, and parsed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import parse_qsl

from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from vitrine.errors import ApiError, Invalid, TooLarge, UnstorableText

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.datastructures import Headers
    from starlette.types import Receive

MAX_FORM_FIELDS = 100  # of an urlencoded form


class Parsed(NamedTuple):
    """A parsed body. An error is not raised while parsing, because the caller is authorized first."""

    document: object  # JSON, or the fields of a form by name; {} for an empty body
    error: ApiError | None = None


async def read(headers: Headers, receive: Receive, *, limit: int) -> bytes:
    """Return the whole body. Raises TooLarge for more than `limit` bytes, ClientDisconnect when the client
    leaves before the end.

    A body over the limit is read all the same, up to twice the limit, and not kept: a client that sends its
    whole body before it reads the answer would find its connection reset. A request with `Expect`, or with a
    declared length over twice the limit, is answered at once.
    """
    length = headers.get("content-length", "")
    # int() takes quadratic time: a longer number is over every limit anyway
    declared = 0 if not length.isdecimal() else int(length) if len(length) < 19 else sys.maxsize
    if declared > (limit if "expect" in headers else 2 * limit):
        raise too_large(limit)
    body, size = bytearray(), 0
    async for chunk, _ in chunks(receive, at_most=2 * limit):
        size += len(chunk)
        if size <= limit:
            body += chunk
    if max(size, declared) > limit:
        raise too_large(limit)
    return bytes(body)


async def chunks(receive: Receive, *, at_most: int) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield the body as it comes in: each chunk, and whether more may follow. Ends after the chunk with which
    the body is over `at_most` bytes. Raises ClientDisconnect.
    """
    size, more = 0, True
    while more and size <= at_most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        yield chunk, more


def too_large(limit: int) -> TooLarge:
    return TooLarge(body_limit_sentence(limit))


def body_limit_sentence(limit: int) -> str:
    """Return the sentence for a limit of `limit` bytes, which the error and the API's description share."""
    return (
        f"The body of a request may hold {limit} bytes; "
        "larger files go through the upload protocol at /api/upload"
    )


def is_form_encoded(headers: Headers) -> bool:
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return content_type == "application/x-www-form-urlencoded"


def parse(raw: bytes, *, form_encoded: bool) -> Parsed:
    """Parse a body as JSON, or as the fields of an urlencoded form."""
    if not raw.strip():
        return Parsed({})
    return _parse_form(raw) if form_encoded else _parse_json(raw)


def _parse_json(raw: bytes) -> Parsed:
    try:
        document = from_json(raw, allow_inf_nan=False)
    except ValueError:  # not JSON, not UTF-8, or nested too deeply
        return Parsed(None, Invalid("The body is not valid JSON"))
    if b"\\u0000" in raw and _contains_nul(document):
        return Parsed(None, UnstorableText())
    return Parsed(document)


def _parse_form(raw: bytes) -> Parsed:
    try:
        # parse_qsl drops fields without a value: they count as absent
        fields = dict(
            parse_qsl(
                raw.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
            )
        )
    except ValueError:  # not urlencoded, not UTF-8, or too many fields
        return Parsed(None, Invalid("The body is not the fields of a form"))
    return Parsed(None, UnstorableText()) if _contains_nul(fields) else Parsed(fields)


def _contains_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(
            _contains_nul(key) or _contains_nul(inner)
            for key, inner in cast("dict[str, object]", value).items()
        )
    return isinstance(value, list) and any(map(_contains_nul, cast("list[object]", value)))
