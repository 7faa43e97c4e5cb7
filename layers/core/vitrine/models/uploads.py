"""Uploads, their states, and what the store knows of them.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID
else:
    from vitrine.records import dataclass

UploadState = Literal[
    "created",
    "uploading",
    "completing",
    "stored",
    "processing",
    "ready",
    "rejected",
    "failed",
    "aborted",
    "expired",
]

UploadMethod = Literal["post", "multipart", "form", "import"]

ChecksumKind = Literal["CRC64NVME", "CRC32C", "SHA256"]

OPEN_STATES: tuple[UploadState, ...] = ("created", "uploading", "completing")


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload: a row of its own state machine. `version_id` is the id a client is given as mediaId.

    `media_id` is the item it makes, then the same; or the item that it makes a further version of.
    """

    organization_id: UUID
    id: UUID
    user_id: UUID
    collection_id: UUID
    parent_id: UUID | None
    source_media_id: UUID | None
    media_id: UUID
    version_id: UUID
    method: UploadMethod
    state: UploadState
    reason: str | None
    key: str
    store_upload_id: str | None  # None: a POST, or not opened in the store yet
    name: str
    filename: str
    mime_type: str  # as declared, where that is a type that is taken; else application/octet-stream
    title: str | None
    alt: str | None
    caption: str | None
    declared_bytes: int | None  # None: the client told none
    reserved_bytes: int
    landed_bytes: int
    checksum_kind: ChecksumKind | None
    checksum_value: str | None  # base64
    part_bytes: int | None
    signed_parts: int
    lease_until: datetime | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime  # of a form: when it can be posted no more and its bytes must have been seen
    deadline: datetime
    key_id: UUID | None = None  # the API key that the uploader used last for it; None: a session

    @property
    def is_further(self) -> bool:
        """Whether it makes a version of an item that there is, and no item."""
        return self.media_id != self.version_id


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that came in a form, on the disk for as long as its request lasts."""

    filename: str  # as the client has it
    declared_type: str  # as the client has it; "": not at all
    size: int  # bytes
    crc32: int  # of its content
    content: IO[bytes]  # to be rewound by whoever reads it


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    bytes: int
    etag: str  # as the store spells it, quotes included


@dataclass(frozen=True, slots=True)
class SignedPost:
    """A form that lets a browser put one object: where, and the fields that come before the file."""

    url: str
    fields: dict[str, str]
    expires_in: int  # seconds


@dataclass(frozen=True, slots=True)
class SignedPart:
    url: str
    headers: dict[str, str]  # that the client must send as given
    expires_in: int  # seconds


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store sees it."""

    key: str
    bytes: int
    etag: str
    checksum: str | None  # ALGORITHM:base64 of the whole object
    mime_type: str
