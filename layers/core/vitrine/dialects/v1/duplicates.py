"""The endpoint that checks which of the given files the team has already."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, Self, cast

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from vitrine.dialects.formats import Link, Time, show_time
from vitrine.dialects.v1.envelope import Info, info
from vitrine.dialects.v1.zod import Schema
from vitrine.errors import Invalid
from vitrine.models.duplicates import FileToCheck
from vitrine.texts import EXACT, compose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine import models
    from vitrine.delivery import Links

MAX_FILES = 1000
_SIZE = re.compile(r"\s*\+?0*([0-9]{1,18})\s*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")

SentJson = dict[str, Any]  # the description of a file, as it was sent
_FILE: SentJson = {
    "type": "object",
    "properties": {
        "filename": {"type": "string"},
        "fileSize": {"anyOf": [{"type": "integer"}, {"type": "string"}], "description": "bytes"},
        "sha256": {
            "anyOf": [{"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}, {"type": "null"}],
            "description": "of the content, in hexadecimal",
        },
    },
}


class CheckDuplicates(Schema):
    """POST /api/v1/media/check-duplicates. The contract has no zod schema for it.

    A name or size of another type is accepted, and matches no file.
    """

    files: Annotated[list[Annotated[SentJson, WithJsonSchema(_FILE)]], EXACT] = Field(
        min_length=1, max_length=MAX_FILES
    )

    @classmethod
    def read(cls, value: object, *, coerced: bool = False) -> Self:  # noqa: ARG003 - a query string is always text
        files = cast("SentJson", value).get("files") if isinstance(value, dict) else None
        if not isinstance(files, list) or not files:
            raise Invalid("files array is required")
        listed = cast("list[object]", files)
        if len(listed) > MAX_FILES:
            raise Invalid(f"At most {MAX_FILES:,} files can be checked at once")
        for place, file in enumerate(listed):
            if not isinstance(file, dict):
                raise Invalid(f"files[{place}] must be an object")
            sha256 = cast("SentJson", file).get("sha256")
            if sha256 is not None and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
                raise Invalid(
                    f"files[{place}].sha256 must be the SHA-256 of the content, 64 hexadecimal digits"
                )
        return cls.model_construct(files=cast("list[SentJson]", listed))  # type: ignore[return-value]  # pydantic's plugin says CheckDuplicates

    def likenesses(self) -> list[FileToCheck]:
        return [
            FileToCheck(
                compose(name) if isinstance(name := file.get("filename"), str) else None,
                _size(file.get("fileSize")),
                bytes.fromhex(sha256) if (sha256 := file.get("sha256")) else None,
            )
            for file in self.files
        ]


class Existing(TypedDict):
    id: str
    url: Link  # permanent
    createdAt: Time
    match: Literal["name_and_size", "content"]
    status: Literal["active", "deleted"]


class Duplicate(TypedDict):
    filename: NotRequired[Any]  # all three as they were sent
    fileSize: NotRequired[Any]
    sha256: NotRequired[Any]
    existing: list[Existing]


class DuplicateList(TypedDict):
    duplicates: list[Duplicate]


class Duplicates(TypedDict):
    success: Literal[True]
    data: DuplicateList
    info: Info


def show_duplicates(
    asked: CheckDuplicates, matches: Sequence[Sequence[models.duplicates.ExistingFile]], links: Links
) -> Duplicates:
    """Report the files that the team has. Files without a match are left out."""
    duplicates: list[Duplicate] = [
        cast(
            "Duplicate",
            {
                **{name: file[name] for name in ("filename", "fileSize", "sha256") if name in file},
                "existing": [_show_existing(each, links) for each in existing],
            },
        )
        for file, existing in zip(asked.files, matches, strict=True)
        if existing
    ]
    return {
        "success": True,
        "data": {"duplicates": duplicates},
        "info": info(),
    }


def _show_existing(existing: models.duplicates.ExistingFile, links: Links) -> Existing:
    return {
        "id": str(existing.id),
        "url": links.permanent(existing),
        "createdAt": show_time(existing.created_at),
        "match": existing.match,
        "status": existing.status,
    }


def _size(value: object) -> int | None:
    """Read a number of bytes, or its decimal text. None for what cannot be the size of a file."""
    if isinstance(value, str):
        size = _SIZE.fullmatch(value)
        return int(size[1]) if size else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 2**63 or value % 1:
        return None
    return int(value)
