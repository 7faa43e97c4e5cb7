"""S3's XML: writing responses, and reading the body of CompleteMultipartUpload."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from local.s3.checksums import OFFERED
from local.s3.errors import S3Error

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'

# An element: its name, and its text or its child elements.
Element = tuple[str, "str | int | bool | Iterable[Element]"]


@dataclass(frozen=True)
class ListedPart:
    """A part in the list of CompleteMultipartUpload."""

    number: int
    etag: str  # without quotes
    checksums: tuple[tuple[str, str], ...]  # (algorithm, base64)


def document(name: str, elements: Iterable[Element]) -> bytes:
    return f'{_HEAD}<{name} xmlns="{_NAMESPACE}">{_serialize(elements)}</{name}>'.encode()


def error(code: str, message: str, details: Iterable[Element], resource: str, request_id: str) -> bytes:
    """An error document; S3's errors have no namespace."""
    elements = [
        ("Code", code),
        ("Message", message),
        *details,
        ("Resource", resource),
        ("RequestId", request_id),
    ]
    return f"{_HEAD}<Error>{_serialize(elements)}</Error>".encode()


def format_time(seconds: float) -> str:
    """A time as in S3's documents, precise to a second."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def encode_key(key: str, encoding: str | None) -> str:
    """A key in a listing: unchanged, or percent-encoded with `encoding-type=url`: XML cannot have some."""
    return quote(key, safe="/~") if encoding == "url" else key


def read_completion(body: bytes) -> tuple[ListedPart, ...]:
    """The parts of a CompleteMultipartUpload document.

    Raises S3Error MalformedXML unless there is at least one and each is complete.
    """
    if b"<!DOCTYPE" in body:  # no entities, which could expand
        raise S3Error("MalformedXML")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - no document type, and at most 4 MiB
        parts = tuple(_part(element) for element in root if _local(element) == "Part")
    except (ElementTree.ParseError, KeyError, ValueError):
        raise S3Error("MalformedXML") from None
    if not parts or _local(root) != "CompleteMultipartUpload":
        raise S3Error("MalformedXML")
    return parts


def _part(element: ElementTree.Element) -> ListedPart:
    fields = {_local(child): (child.text or "").strip() for child in element}
    checksums = tuple((name, fields[f"Checksum{name}"]) for name in OFFERED if f"Checksum{name}" in fields)
    return ListedPart(int(fields["PartNumber"]), fields["ETag"].strip('"'), checksums)


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _serialize(elements: Iterable[Element]) -> str:
    return "".join(f"<{name}>{_text(content)}</{name}>" for name, content in elements)


def _text(content: "str | int | bool | Iterable[Element]") -> str:
    match content:
        case bool():
            return "true" if content else "false"
        case int():
            return str(content)
        case str():
            # control characters that XML 1.0 does not allow are written as references, as S3 does
            return re.sub(
                r"[\x00-\x08\x0b-\x1f\x7f]",
                lambda character: f"&#x{ord(character[0]):x};",
                escape(content, {'"': "&quot;"}),
            )
        case _:
            return _serialize(content)
