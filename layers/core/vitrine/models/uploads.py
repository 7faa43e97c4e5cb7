"""Uploads, the states that they pass through, and what the store reports of them.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.people import Caller
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

# Limits of S3: docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_PARTS = 10_000
MIN_PART, MAX_PART = 5 * 1024**2, 5 * 1024**3  # bytes; the last part may be smaller


@dataclass(frozen=True, slots=True)
class StateRules:
    """The rules of one state. `next`: the states that may follow; itself too, where it may be set again."""

    next: frozenset[UploadState]
    is_open: bool = False  # the client may still send bytes, and its reservation counts against the quota
    accepts_object: bool = False  # an object that is found at its key is finalized
    has_version: bool = False  # its version was inserted, as far as the state alone can tell


def _rules(
    *following: UploadState, is_open: bool = False, accepts_object: bool = False, has_version: bool = False
) -> StateRules:
    return StateRules(frozenset(following), is_open, accepts_object, has_version)


# fmt: off
UPLOAD_STATES: Mapping[UploadState, StateRules] = {
    # The row exists, and no part has been signed. The object of a form or an import may land already.
    "created": _rules("uploading", "completing", "stored", "rejected", "failed", "aborted", "expired",
                      is_open=True, accepts_object=True),
    # Parts have been signed.
    "uploading": _rules("uploading", "completing", "stored", "rejected", "failed", "aborted", "expired",
                        is_open=True, accepts_object=True),
    # One call has a lease on it: a Complete, or the fetch of an import. It cannot be aborted meanwhile.
    "completing": _rules("uploading", "completing", "stored", "rejected", "failed", "expired",
                         is_open=True, accepts_object=True),
    # Its version was inserted and waits for its frames.
    "stored": _rules("processing", "ready", "rejected", "failed", has_version=True),
    # A worker has begun to make the frames.
    "processing": _rules("processing", "ready", "rejected", "failed", has_version=True),
    # The frames are recorded. It stays ready while they are made anew.
    "ready": _rules("ready", has_version=True),
    # The file was not accepted: there is no version, and the object is deleted. Final.
    "rejected": _rules(),
    # An accepted file could not be processed, or an import could not be fetched. The version is kept; a
    # request to process it again leads back to `stored`.
    "failed": _rules("stored", has_version=True),
    # The client, or the deletion of the collection, ended it. Bytes that land later are deleted. Final.
    "aborted": _rules(),
    # It expired (expires_at) before any bytes landed. Bytes that land later revive it.
    "expired": _rules("stored", "rejected", "failed", accepts_object=True),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class UploadReference:
    """Where an upload is found: what must be known of it before its organization is opened."""

    organization_id: UUID
    id: UUID
    key: str


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload: a row of the state machine UPLOAD_STATES.

    `version_id` is the id that a client is given as mediaId. `media_id` is the same id when the upload makes
    a new item, or the id of the item that it makes a further version of.
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
    mime_type: str  # as declared, where that is an accepted type; else application/octet-stream
    title: str | None
    alt: str | None
    caption: str | None
    declared_bytes: int | None  # None: the client declared none
    reserved_bytes: int
    landed_bytes: int
    checksum_kind: ChecksumKind | None
    checksum_value: str | None  # base64
    part_bytes: int | None
    signed_parts: int
    lease_until: datetime | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime  # for a form: it cannot be posted later, and its bytes must have been found by then
    deadline: datetime
    key_id: UUID | None = None  # the API key that the uploader used last for it; None: a session

    @staticmethod
    def new(
        caller: Caller,
        *,
        upload_id: UUID,
        key: str,
        method: UploadMethod,
        collection_id: UUID,
        version_id: UUID,
        filename: str,
        name: str,
        mime_type: str,
        reserved_bytes: int,
        now: datetime,
        expires_at: datetime,
        deadline: datetime,
        media_id: UUID | None = None,  # None: a new item, with the version's id
        source_media_id: UUID | None = None,
        parent_id: UUID | None = None,
        title: str | None = None,
        alt: str | None = None,
        caption: str | None = None,
        declared_bytes: int | None = None,
        checksum: tuple[ChecksumKind, str] | None = None,
        part_bytes: int | None = None,
    ) -> Upload:
        """Return the upload as its row is inserted: `created` by this caller, nothing signed or landed."""
        return Upload(
            organization_id=caller.organization_id,
            id=upload_id,
            user_id=caller.user_id,
            collection_id=collection_id,
            parent_id=parent_id,
            source_media_id=source_media_id,
            media_id=media_id or version_id,
            version_id=version_id,
            method=method,
            state="created",
            reason=None,
            key=key,
            store_upload_id=None,
            name=name,
            filename=filename,
            mime_type=mime_type,
            title=title,
            alt=alt,
            caption=caption,
            declared_bytes=declared_bytes,
            reserved_bytes=reserved_bytes,
            landed_bytes=0,
            checksum_kind=checksum[0] if checksum else None,
            checksum_value=checksum[1] if checksum else None,
            part_bytes=part_bytes,
            signed_parts=0,
            lease_until=None,
            created_at=now,
            updated_at=now,
            expires_at=expires_at,
            deadline=deadline,
            key_id=caller.key_id,
        )

    @property
    def reference(self) -> UploadReference:
        return UploadReference(self.organization_id, self.id, self.key)

    @property
    def is_further(self) -> bool:
        """Whether the upload makes a version of an existing item, and no item."""
        return self.media_id != self.version_id

    @property
    def is_open(self) -> bool:
        """Whether the client may still send bytes, and the reservation counts against the quota."""
        return UPLOAD_STATES[self.state].is_open

    @property
    def accepts_object(self) -> bool:
        """Whether an object that is found at its key is finalized: it is open, or has expired."""
        return UPLOAD_STATES[self.state].accepts_object

    @property
    def has_version(self) -> bool:
        """Whether its version was inserted, as far as the state alone can tell."""
        return UPLOAD_STATES[self.state].has_version

    def can_change_to(self, state: UploadState) -> bool:
        """Whether this state may follow the present one."""
        return state in UPLOAD_STATES[self.state].next


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that came in a form. It lies on the disk for as long as its request lasts."""

    filename: str  # as the client sent it
    declared_type: str  # as the client sent it; "": none
    size: int  # bytes
    crc32: int  # of its content
    content: IO[bytes]  # each reader rewinds it first


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    bytes: int
    etag: str  # as the store formats it, quotes included


@dataclass(frozen=True, slots=True)
class SignedPost:
    """A form that lets a browser put one object: its address, and the fields that come before the file."""

    url: str
    fields: dict[str, str]
    expires_in: int  # seconds


@dataclass(frozen=True, slots=True)
class SignedPart:
    url: str
    headers: dict[str, str]  # the client must send them unchanged
    expires_in: int  # seconds


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store reports it."""

    key: str
    bytes: int
    etag: str
    checksum: str | None  # ALGORITHM:base64 of the whole object
    mime_type: str
