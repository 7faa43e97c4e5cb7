"""What v1's check for duplicates takes and answers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, Self, cast

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from vitrine.dialects.studio import Link, Time, show_time
from vitrine.dialects.v1.show import Info
from vitrine.dialects.v1.zod import Schema
from vitrine.errors import Invalid
from vitrine.models.duplicates import FileToCheck
from vitrine.texts import EXACT, compose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine import models
    from vitrine.delivery import Links

MOST_FILES = 1000
_SIZE = re.compile(r"\s*\+?0*([0-9]{1,18})\s*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")

Given = dict[str, Any]  # a file as it was sent
_FILE: Given = {
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
    """POST /api/v1/media/check-duplicates. It has no schema of zod: what cannot be a name or a size is
    like nothing.
    """

    files: Annotated[list[Annotated[Given, WithJsonSchema(_FILE)]], EXACT] = Field(
        min_length=1, max_length=MOST_FILES
    )

    @classmethod
    def read(cls, value: object, *, coerced: bool = False) -> Self:  # noqa: ARG003 - a query string is always text
        files = cast("Given", value).get("files") if isinstance(value, dict) else None
        if not isinstance(files, list) or not files:
            raise Invalid("files array is required")
        listed = cast("list[object]", files)
        if len(listed) > MOST_FILES:
            raise Invalid(f"At most {MOST_FILES:,} files can be checked at once")
        for place, file in enumerate(listed):
            if not isinstance(file, dict):
                raise Invalid(f"files[{place}] must be an object")
            sha256 = cast("Given", file).get("sha256")
            if sha256 is not None and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
                raise Invalid(
                    f"files[{place}].sha256 must be the SHA-256 of the content, 64 hexadecimal digits"
                )
        return cls.model_construct(files=cast("list[Given]", listed))  # type: ignore[return-value]  # pydantic's plugin says CheckDuplicates

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
    filename: NotRequired[Any]  # these as they were sent
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
    asked: CheckDuplicates, found: Sequence[Sequence[models.duplicates.ExistingFile]], links: Links
) -> Duplicates:
    """Those that are like none are left out."""
    duplicates: list[Duplicate] = [
        cast(
            "Duplicate",
            {
                **{name: file[name] for name in ("filename", "fileSize", "sha256") if name in file},
                "existing": [_existing(each, links) for each in existing],
            },
        )
        for file, existing in zip(asked.files, found, strict=True)
        if existing
    ]
    return {
        "success": True,
        "data": {"duplicates": duplicates},
        "info": {"timestamp": show_time(datetime.now(UTC))},
    }


def _existing(existing: models.duplicates.ExistingFile, links: Links) -> Existing:
    return {
        "id": str(existing.id),
        "url": links.permanent(existing),
        "createdAt": show_time(existing.created_at),
        "match": existing.match,
        "status": existing.status,
    }


def _size(given: object) -> int | None:
    """The bytes that a number or its text says. None: no size of a file."""
    if isinstance(given, str):
        found = _SIZE.fullmatch(given)
        return int(found[1]) if found else None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given < 2**63 or given % 1:
        return None
    return int(given)
