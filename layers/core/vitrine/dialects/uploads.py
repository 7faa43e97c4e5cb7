"""The upload protocol, `/api/upload/...`: the S3 endpoints of Uppy's Companion.

Errors are {"error", "code"}. An `uploadId` is the id of our upload, never S3's.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypeVar

from pydantic import BaseModel, BeforeValidator, Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import Alt, Caption, Id, Input, Time, Title, read_body, show_time
from vitrine.dialects.studio import STUDIO, show_error
from vitrine.dialects.studio.media import Media, show_media
from vitrine.errors import ApiError, Invalid, NotAMember, NotFound, OtherOrganization
from vitrine.library.new_uploads import NewUpload
from vitrine.models.uploads import MAX_PARTS
from vitrine.settings import settings
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vitrine import models
    from vitrine.delivery import Links
    from vitrine.dialects.dialect import Answer
    from vitrine.library.uploads import PostedUpload, UploadStatus

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

MAX_SIGNED_PARTS = 100  # in one request
MAX_BYTES = 2**63 - 1  # as PostgreSQL stores them


# The dialect.


def read_query(model: type[M], values: Mapping[str, str]) -> M:
    """Validate a query, in which pairs `metadata[name]=text` become the field `metadata`. Raises Invalid."""
    nested: dict[str, Any] = {"metadata": {}}
    for name, value in values.items():
        pair = re.fullmatch(r"metadata\[(.+)\]", name)
        if pair:
            nested["metadata"][pair[1]] = value
        elif name != "metadata":
            nested[name] = value
    return read_body(model, nested)


def error_answer(error: ApiError, operation: str | None) -> Answer:  # noqa: ARG001 - part of the Dialect protocol
    """Serialize an error as the Studio API does, except that an upload or collection of another organization
    is 404, not 403.
    """
    if isinstance(error, OtherOrganization):
        return show_error(
            NotFound(STUDIO.missing["organization"] if isinstance(error, NotAMember) else error.sentence)
        )
    return show_error(error)


UPLOADS = replace(STUDIO, read_query=read_query, error_answer=error_answer)


# A new upload.


def _empty_as_none(value: object) -> object:
    """Read null, the text `null` and an empty text as None: browsers send them for missing values."""
    return None if value in ("", "null") else value


Maybe = Annotated[T | None, BeforeValidator(_empty_as_none)]


class Metadata(Input):
    """The metadata that the client sends with the file, as texts. Unknown keys are dropped."""

    datasetId: Maybe[Id] = None
    organizationId: Maybe[Id] = None
    path: Maybe[str] = None
    name: Maybe[str] = None
    relativePath: Maybe[str] = None
    sourceMediaId: Maybe[Id] = None
    title: Maybe[Title] = None
    alt: Maybe[Alt] = None
    caption: Maybe[Caption] = None
    size: Maybe[Annotated[int, Field(le=MAX_BYTES)]] = None  # bytes


class Checksum(Input):
    """The checksum of the whole file."""

    algorithm: Literal["CRC64NVME", "CRC32C", "SHA256"]
    value: Annotated[str, EXACT] = Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=88)  # base64


class NewPost(Input):
    """GET /api/upload/s3/params"""

    filename: str
    type: Maybe[str] = None
    metadata: Maybe[Metadata] = None

    def new_upload(self) -> NewUpload:
        return _new_upload(
            self.filename, self.type, self.metadata or Metadata(), size=None, checksum=None, part_bytes=None
        )


class NewMultipart(Input):
    """POST /api/upload/s3/multipart"""

    filename: str
    type: Maybe[str] = None
    metadata: Maybe[Metadata] = None
    size: Maybe[Annotated[int, Field(le=MAX_BYTES)]] = None  # bytes
    checksum: Maybe[Checksum] = None
    partSize: Maybe[Annotated[int, Field(le=MAX_BYTES)]] = None  # bytes

    def new_upload(self) -> NewUpload:
        return _new_upload(
            self.filename,
            self.type,
            self.metadata or Metadata(),
            size=self.size,
            checksum=self.checksum,
            part_bytes=self.partSize,
        )


def _new_upload(
    filename: str,
    mime_type: str | None,
    metadata: Metadata,
    *,
    size: int | None,
    checksum: Checksum | None,
    part_bytes: int | None,
) -> NewUpload:
    return NewUpload(
        filename=filename,
        mime_type=mime_type or "application/octet-stream",
        name=metadata.name,
        collection_id=metadata.datasetId,
        path=metadata.path,
        relative_path=metadata.relativePath,
        source_media_id=metadata.sourceMediaId,
        title=metadata.title,
        alt=metadata.alt,
        caption=metadata.caption,
        declared_bytes=size if size is not None else metadata.size,
        checksum=(checksum.algorithm, checksum.value) if checksum else None,
        part_bytes=part_bytes,
    )


class Posted(TypedDict):
    method: Literal["POST"]
    url: str
    fields: dict[str, str]  # of the form, all before the file
    expires: int  # seconds
    mediaId: str
    uploadId: str


class Created(TypedDict):
    key: str
    uploadId: str
    bucket: str
    mediaId: str
    partSize: int | None  # bytes, proposed
    expiresAt: Time


def show_posted(posted: PostedUpload) -> Posted:
    return {
        "method": "POST",
        "url": posted.post.url,
        "fields": posted.post.fields,
        "expires": posted.post.expires_in,
        "mediaId": posted.upload.version_id.hex,
        "uploadId": posted.upload.id.hex,
    }


def show_created(upload: models.uploads.Upload) -> Created:
    return {
        "key": upload.key,
        "uploadId": upload.id.hex,
        "bucket": settings().bucket,
        "mediaId": upload.version_id.hex,
        "partSize": upload.part_bytes,
        "expiresAt": show_time(upload.expires_at),
    }


# Parts.


class Key(Input):
    """The opaque key that the client got with its upload, and sends with every further request."""

    key: Annotated[str, EXACT] = Field(min_length=1, max_length=1024)


class PartQuery(Key):
    """GET /api/upload/s3/multipart/{uploadId}/{partNumber}: size and checksum become signed headers."""

    size: Maybe[int] = None  # bytes
    checksum: Maybe[Annotated[str, EXACT, Field(pattern=r"^[A-Za-z0-9+/]{11}=$")]] = None  # CRC64NVME, base64


class BatchQuery(Key):
    """GET /api/upload/s3/multipart/{uploadId}/batch"""

    partNumbers: str = Field(description="1,2,3", max_length=1000)

    def numbers(self) -> list[int]:
        """Return the part numbers in the order of the query. Raises Invalid for a malformed number, and for
        more than MAX_SIGNED_PARTS.
        """
        texts = self.partNumbers.split(",")
        if len(texts) > MAX_SIGNED_PARTS:
            raise Invalid(f"At most {MAX_SIGNED_PARTS} parts are signed in one call")
        return [parse_part_number(text.strip()) for text in texts]


def parse_part_number(text: str) -> int:
    """Return the part number, 1 to MAX_PARTS, that the text is in decimal digits. Raises Invalid for any
    other text.
    """
    number = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0
    if not 1 <= number <= MAX_PARTS:
        raise Invalid(f"A part number is a whole number from 1 to {MAX_PARTS}")
    return number


class StoredPart(TypedDict):
    PartNumber: int
    Size: int
    ETag: str


class SignedPart(TypedDict):
    url: str
    expires: int  # seconds
    headers: NotRequired[dict[str, str]]  # that the client must send as given


class SignedParts(TypedDict):
    presignedUrls: dict[str, str]


def show_part(part: models.uploads.Part) -> StoredPart:
    return {"PartNumber": part.number, "Size": part.bytes, "ETag": part.etag}


def show_signed_part(part: models.uploads.SignedPart) -> SignedPart:
    shown: SignedPart = {"url": part.url, "expires": part.expires_in}
    if part.headers:
        shown["headers"] = part.headers
    return shown


def show_signed_parts(parts: Mapping[int, models.uploads.SignedPart]) -> SignedParts:
    return {"presignedUrls": {str(number): part.url for number, part in parts.items()}}


# The end of an upload.


class FinishedPart(Input):
    PartNumber: int = Field(ge=1, le=MAX_PARTS)
    ETag: Annotated[str, EXACT] = Field(min_length=1, max_length=200)


class Finished(Input):
    """POST /api/upload/s3/multipart/{uploadId}/complete: without parts, all parts in the store are used."""

    parts: list[FinishedPart] = Field(default_factory=list["FinishedPart"], max_length=MAX_PARTS)

    def numbers_and_etags(self) -> list[tuple[int, str]]:
        return [(part.PartNumber, part.ETag) for part in self.parts]


class Completed(TypedDict):
    location: str  # of the item in this API
    key: str
    bucket: str
    mediaId: str
    status: str


class Nothing(TypedDict):
    pass


def show_completed(upload: models.uploads.Upload, origin: str) -> Completed:
    """`origin` is the origin of this API."""
    return {
        "location": f"{origin}/api/media/{upload.version_id.hex}",
        "key": upload.key,
        "bucket": settings().bucket,
        "mediaId": upload.version_id.hex,
        "status": upload.state,
    }


# The status of an upload.


class OtherCopy(TypedDict):
    mediaId: str  # of an item, or of a version of one
    name: str  # of the item
    state: Literal["active", "trash"]
    match: Literal["exact"]  # the same bytes


class Status(TypedDict):
    mediaId: str
    state: str
    reason: str | None
    name: str
    sizeBytes: int | None  # null: the client declared no size, and the object is not complete
    bytesUploaded: int
    partSize: int | None
    expiresAt: Time
    duplicates: list[OtherCopy]  # [] also before the SHA-256 of the bytes is known
    media: NotRequired[Media]


def show_status(status: UploadStatus, links: Links) -> Status:
    """Serialize an upload, with its item once that exists."""
    upload = status.upload
    shown: Status = {
        "mediaId": upload.version_id.hex,
        "state": upload.state,
        "reason": upload.reason,
        "name": upload.name,
        "sizeBytes": status.media.version.size_bytes if status.media else upload.declared_bytes,
        "bytesUploaded": upload.landed_bytes,
        "partSize": upload.part_bytes,
        "expiresAt": show_time(upload.expires_at),
        "duplicates": [
            {
                "mediaId": other.id.hex,
                "name": other.name,
                "state": "active" if other.status == "active" else "trash",
                "match": "exact",
            }
            for other in status.others
        ],
    }
    if status.media is not None:
        shown["media"] = show_media(status.media, links)
    return shown
