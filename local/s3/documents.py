"""The XML that S3 speaks: answers written, the one request body that matters read."""

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

# An element: its name and its text, or the elements inside it.
Element = tuple[str, "str | int | bool | Iterable[Element]"]


@dataclass(frozen=True)
class ListedPart:
    """A part as CompleteMultipartUpload names it."""

    number: int
    etag: str  # without quotes
    checksums: tuple[tuple[str, str], ...]  # (algorithm, base64)


def document(name: str, elements: Iterable[Element]) -> bytes:
    return f'{_HEAD}<{name} xmlns="{_NAMESPACE}">{_written(elements)}</{name}>'.encode()


def error(code: str, message: str, details: Iterable[Element], resource: str, request_id: str) -> bytes:
    """S3's errors carry no namespace."""
    elements = [
        ("Code", code),
        ("Message", message),
        *details,
        ("Resource", resource),
        ("RequestId", request_id),
    ]
    return f"{_HEAD}<Error>{_written(elements)}</Error>".encode()


def moment(seconds: float) -> str:
    """To the second, as S3 tells when an object was last modified."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def spelled(key: str, encoding: str | None) -> str:
    """A key in a listing: as it is, or with `encoding-type=url`, which every key survives."""
    return quote(key, safe="/~") if encoding == "url" else key


def read_completion(body: bytes) -> tuple[ListedPart, ...]:
    """The parts of a CompleteMultipartUpload document; MalformedXML unless there is at least one and each
    is whole.
    """
    if b"<!DOCTYPE" in body:  # nothing that expands
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
    told = {_local(child): (child.text or "").strip() for child in element}
    checksums = tuple((name, told[f"Checksum{name}"]) for name in OFFERED if f"Checksum{name}" in told)
    return ListedPart(int(told["PartNumber"]), told["ETag"].strip('"'), checksums)


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _written(elements: Iterable[Element]) -> str:
    return "".join(f"<{name}>{_text(content)}</{name}>" for name, content in elements)


def _text(content: "str | int | bool | Iterable[Element]") -> str:
    match content:
        case bool():
            return "true" if content else "false"
        case int():
            return str(content)
        case str():
            # Control characters that XML 1.0 cannot carry go out as references, as S3 sends them.
            return re.sub(
                r"[\x00-\x08\x0b-\x1f\x7f]",
                lambda found: f"&#x{ord(found[0]):x};",
                escape(content, {'"': "&quot;"}),
            )
        case _:
            return _written(content)
