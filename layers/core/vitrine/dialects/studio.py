"""The Studio API's spelling: `/api/...`. Ids are 32 hexadecimal digits, errors {"error", "code"}, field
names as its documents give them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta, timezone
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NotRequired, TypeVar, cast
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
from pydantic_core import PydanticCustomError, to_json
from typing_extensions import TypedDict

from vitrine import models
from vitrine.delivery import Linked, Links, Redirect
from vitrine.dialects import Answer, Input, said_in_headers
from vitrine.dialects.formats import parse_id as parse_id
from vitrine.errors import ApiError, Invalid, Issue, NotAMember, NotServed, OtherOrganization, Stale
from vitrine.permissions import STUDIO_LIMITS
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic_core import ErrorDetails

    from vitrine.dialects import Check
    from vitrine.models.people import ItemKind
    from vitrine.permissions import RateLimit, Tier

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

BEARER_FIRST: bool = False
ITEM_DECIDES: bool = True
SESSION_DECIDES: bool = True
LIMITS: Mapping[Tier, RateLimit] = STUDIO_LIMITS
CHECKS: tuple[Check, ...] = ("item", "organization", "scope", "role")
MISSING: Mapping[ItemKind, str] = {
    "organization": "Organization not found",
    "collection": "Collection not found",
    "media": "Media not found",
    "folder": "Folder not found",
    "upload": "Upload not found",
    "upload_version": "Upload not found",
    "upload_key": "Upload not found",
}

ANSWER_BYTES = 5_000_000  # a page is cut before it outgrows this: Lambda lets 6 MB through


# Ids, times, cursors.


def show_time(moment: datetime) -> str:
    """ISO 8601 in UTC, with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def show_cursor(cursor: models.pages.Cursor) -> str:
    """Opaque to clients."""
    return base64.urlsafe_b64encode(f"{cursor.id.hex}{cursor.key}".encode()).decode().rstrip("=")


def parse_cursor(text: str) -> models.pages.Cursor:
    """Raises Invalid for what was never handed out."""
    try:
        spelled = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:  # not base64, not UTF-8
        spelled = ""
    item = parse_id(spelled[:32])
    if item is None or not spelled.isprintable():
        raise Invalid(
            "The cursor is not one of this listing",
            issues=(Issue(("cursor",), "Not a cursor of this listing"),),
        )
    return models.pages.Cursor(spelled[32:], item)


# What comes in.


def _an_id(value: object) -> UUID:
    found = parse_id(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("id", "Must be an id of 32 hexadecimal digits, hyphens allowed")
    return found


Id = Annotated[
    UUID, BeforeValidator(_an_id), WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F-]{32,36}$"})
]

# pydantic's kind of error -> what is said of the field, with the numbers that pydantic gives. What is not
# here is only said to be wrong.
_WORDS = {
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
    "value_error": "{error}",  # a validator of ours said it
}


def read_body(model: type[M], value: object) -> M:
    try:
        read = model.model_validate(value)
    except ValidationError as error:
        raise _invalid(error) from None
    if _endless(value):
        # no model has looked into what it keeps as it comes
        raise Invalid("A number is too large to be kept")
    return read


def read_query(model: type[M], values: Mapping[str, str]) -> M:
    """An empty parameter counts as absent: clients send some without a value."""
    given = {name: value for name, value in values.items() if value != ""}
    unserved = [
        name
        for name in getattr(model, "UNSERVED", ())
        if name in given and (name, given[name]) != ("recursive", "false")
    ]
    if unserved:
        raise NotServed(f"The parameter {unserved[0]} is not served by this deployment yet")
    grouped = [
        name
        for name, field in model.model_fields.items()
        if field.annotation in (int, float) and "_" in given.get(name, "")
    ]
    # 1_000 is a number in Python's own texts, so to pydantic, and to no client
    return read_body(model, {**given, **dict.fromkeys(grouped, "?")})


def _invalid(error: ValidationError) -> Invalid:
    issues = tuple(Issue(one["loc"], _said(one)) for one in error.errors(include_input=False))
    where = ".".join(map(str, issues[0].path)) or "body"
    return Invalid(f"{where}: {issues[0].message}", issues=issues)


def _said(wrong: ErrorDetails) -> str:
    """Of one field."""
    known = wrong.get("ctx", {})
    if wrong["type"] not in _WORDS:
        # pydantic's own kinds have a page each; others are ours, with our sentence
        return "Is not valid" if "url" in wrong else wrong["msg"]
    numbers = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in known.items()
    }
    one = known.get("max_length", known.get("min_length")) == 1
    options = str(known.get("expected", "")).replace("' or '", ", ").replace("', '", ", ").strip("'")
    return _WORDS[wrong["type"]].format(
        **numbers,
        characters="character" if one else "characters",
        items="element" if one else "elements",
        options=f"one of {options}" if "," in options else options,
    )


def _endless(value: object) -> bool:
    """Whether it holds a number beyond those of JSON's usual readers, such as 1e999."""
    if isinstance(value, dict):
        return any(map(_endless, cast("dict[str, object]", value).values()))
    return (
        any(map(_endless, cast("list[object]", value)))
        if isinstance(value, list)
        else isinstance(value, float) and not isfinite(value)
    )


def _a_file(value: object) -> models.uploads.SentFile:
    if not isinstance(value, models.uploads.SentFile):
        raise PydanticCustomError("file", "Must be a file")
    return value


SentFile = Annotated[
    models.uploads.SentFile,
    PlainValidator(_a_file),
    WithJsonSchema({"type": "string", "contentMediaType": "application/octet-stream"}),
]


class FormUpload(Input):
    """A form upload. Other fields that clients have been told of (width, height, duration, exif) are
    taken from the file itself.
    """

    datasetId: Id
    path: str = Field("", description="the folder, as browse returns it; the collection's root when absent")
    file: SentFile
    name: str = Field("", description="the file's own name when absent")


class BrowseQuery(Input):
    """How one level of a collection is asked for."""

    UNSERVED: ClassVar[tuple[str, ...]] = (
        "q",
        "tags",
        "tagFilters",
        "similarToObjectId",
        "similarToObjectModel",
        "clusterId",
        "mediaId",
        "recursive",
        "dateFrom",
        "dateTo",
        "minScore",
    )

    path: str | None = Field(
        None, description="the folder, as browse returns it; the collection's root when absent"
    )
    limit: int = Field(10, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=2**53 - 1)
    cursor: Annotated[str | None, EXACT] = Field(None, description="nextCursor of the page before")
    type: Literal["image", "video", "folder", "all"] = "all"
    sortBy: Literal["name", "createdAt", "type", "description", "prompt", "takenAt", "sizeBytes"] = (
        "createdAt"
    )
    sortDirection: Literal["asc", "desc"] = "desc"

    def after(self) -> models.pages.Cursor | None:
        """Where the page begins. Raises Invalid; NotServed for an order that is not served."""
        if (self.sortBy, self.sortDirection) != ("createdAt", "desc"):
            name = "sortBy" if self.sortBy != "createdAt" else "sortDirection"
            raise NotServed(
                f"The parameter {name} is not served by this deployment yet, but for createdAt in descending order"
            )
        return None if self.cursor is None else parse_cursor(self.cursor)


class TrashQuery(Input):
    """How the acts of deletion are asked for."""

    limit: int = Field(50, ge=1, le=1000)
    cursor: Annotated[str | None, EXACT] = Field(None, description="nextCursor of the page before")

    def after(self) -> models.pages.Cursor | None:
        """Where the page begins. Raises Invalid."""
        return None if self.cursor is None else parse_cursor(self.cursor)


class Reprocess(Input):
    """Which of a collection's files are to be processed again."""

    processing: Literal["failed", "all"] = Field("failed", description="those that failed, or all")
    limit: int = Field(1000, ge=1, le=1000, description="files to look at")
    cursor: Annotated[str | None, EXACT] = Field(None, description="nextCursor of the batch before")

    def after(self) -> models.pages.Cursor | None:
        """Where the batch begins. Raises Invalid."""
        return None if self.cursor is None else parse_cursor(self.cursor)


class DuplicatesQuery(Input):
    """How what is there more than once is asked for."""

    distance: int = Field(
        models.duplicates.DEFAULT_DISTANCE,
        ge=0,
        le=models.duplicates.MAX_DISTANCE,
        description="bits of 64 in which what looks the same may differ at most",
    )
    limit: int = Field(10, ge=1, le=50, description="groups")
    cursor: Annotated[str | None, EXACT] = Field(None, description="nextCursor of the page before")

    def after(self) -> models.pages.Cursor | None:
        """Where the page begins. Raises Invalid."""
        return None if self.cursor is None else parse_cursor(self.cursor)


# of metadata: shown, and ignored when they come back
SERVERS_OWN = ("moderation", "exif", "video", "processing")
METADATA_BYTES = 65_536  # as JSON
METADATA_DEPTH = 32  # of objects and lists, metadata itself the first


class Metadata(Input):
    """What is said of an item: whole, so what is missing is cleared. Further fields are the client's own."""

    model_config = ConfigDict(extra="allow")

    tags: dict[str, list[str]] | None = Field(None, description="group -> values")
    title: str | None = Field(None, max_length=255)
    alt: str | None = Field(None, max_length=500)
    caption: str | None = Field(None, max_length=1000)

    def described(self) -> models.media.Description:
        """Raises Invalid where it is too large or too deep, or holds a number that cannot be stored."""
        own = {name: value for name, value in (self.model_extra or {}).items() if name not in SERVERS_OWN}
        if not _fits(own, METADATA_DEPTH):
            raise Invalid(f"metadata can be nested {METADATA_DEPTH} deep, and its numbers must be finite")
        if len(to_json(self.model_dump(exclude=set(SERVERS_OWN), exclude_none=True))) > METADATA_BYTES:
            raise Invalid(f"metadata may hold {METADATA_BYTES} bytes of JSON")
        return models.media.Description(self.title, self.alt, self.caption, self.tags or {}, own)


def _fits(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(
            _fits(inner, depth - 1) for inner in cast("dict[str, object]", value).values()
        )
    if isinstance(value, list):
        return depth > 0 and all(_fits(inner, depth - 1) for inner in cast("list[object]", value))
    return not isinstance(value, float) or isfinite(value)


class Change(Input):
    """What of an item is to be another; at least one."""

    name: str = Field(default_factory=str, description="1 to 255 characters")
    metadata: Metadata = Field(
        default_factory=lambda: Metadata.model_validate({}), description="replaced whole"
    )

    def wanted(self) -> tuple[str | None, models.media.Description | None]:
        """The name and what is said of it; None: to stay. Raises Invalid."""
        named, described = ("name" in self.model_fields_set), ("metadata" in self.model_fields_set)
        if not named and not described:
            raise Invalid("Neither name nor metadata was provided")
        return self.name if named else None, self.metadata.described() if described else None


class CollectionChange(Input):
    """What of a collection is to be another; at least one."""

    name: str = Field(default_factory=str, description="1 to 255 characters")
    icon: str | None = Field(None, description="null: none")

    def wanted(self) -> tuple[str | None, str | None]:
        """Name and icon, an empty one for none; None: to stay. Raises Invalid."""
        if not self.model_fields_set:
            raise Invalid("Neither name nor icon was provided")
        return self.name if "name" in self.model_fields_set else None, (
            self.icon or ""
        ) if "icon" in self.model_fields_set else None


class VersionQuery(Input):
    """Which version of an item is meant."""

    versionId: Id


# Many items at once.


class Bulk(Input):
    """What is to be done to many items, each judged on its own."""

    action: Literal["move", "delete", "restore", "tag", "untag"]
    ids: list[Id] = Field(min_length=1, max_length=1000)
    dryRun: bool = Field(False, description="say what would become of each, and change nothing")
    destinationPath: str = Field(
        default_factory=str, description="to move: the folder, or the collection, as browse returns it"
    )
    label: str = Field(default_factory=str, description="to tag and untag: the group")
    value: str = Field(
        default_factory=str, description="to tag; to untag, all of the group when it is absent"
    )

    def wanted(self) -> models.bulk.Action:
        """Raises Invalid where the action lacks what it needs."""
        match self.action:
            case "move":
                return models.bulk.Move(self._said("destinationPath"))
            case "delete":
                return models.bulk.Delete()
            case "restore":
                return models.bulk.Restore()
            case "tag":
                return models.bulk.AddTag(self._said("label"), self._said("value"))
            case "untag":  # an empty value is refused, so that it does not take a whole group by mistake
                return models.bulk.RemoveTag(
                    self._said("label"), self.value if "value" in self.model_fields_set else None
                )

    def _said(self, name: Literal["destinationPath", "label", "value"]) -> str:
        if name not in self.model_fields_set:
            raise Invalid(f"{name}: Required", issues=(Issue((name,), "Required"),))
        return str(getattr(self, name))


class LinkQuery(Input):
    """Which shape of an item a permanent link leads to."""

    size: Literal["frame", "thumbnail"] | None = None
    original: bool = Field(False, description="the file itself, also where a browser cannot show it")
    download: bool = Field(False, description="to be saved under its name")


# What goes out.

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Link = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]


class Corner(TypedDict):
    x: float  # pixels of the frame
    y: float


class Detected(TypedDict):
    id: str
    type: str
    label: str
    blob: str  # URL of a crop, or ""
    status: str
    polygon: list[Corner]
    confidence: float  # 0 to 1


class Caption(TypedDict):
    id: str
    text: str
    frameId: str
    createdAt: Time
    status: str


class Frame(TypedDict):
    id: str
    timestamp: str  # seconds, "0" for stills
    endTimestamp: NotRequired[str]
    pageNumber: NotRequired[int]
    blob: Link
    thumbnailBlob: Link
    width: int
    height: int
    text: NotRequired[str]
    status: str
    createdAt: Time
    mediaId: str
    captions: list[Caption]
    objects: list[Detected]


class Processing(TypedDict):
    state: Literal["pending", "ready", "failed"]
    reason: str | None  # of what failed
    # its frames are being made anew; until then a ready one shows those it has
    reprocessing: NotRequired[Literal[True]]
    reprocessFailure: NotRequired[str]  # why nothing came of that; the frames are those it had before


class Dataset(TypedDict):
    id: str
    name: str
    organizationId: str


class Media(TypedDict):
    id: str
    name: str
    type: Literal["image", "video", "pdf", "folder"]
    blob: str | None  # permanent link; null while pending; "folder" for a folder
    path: str
    datasetId: str
    width: int | None
    height: int | None
    duration: float | None
    sizeBytes: int
    createdAt: Time
    updatedAt: Time
    createdById: str
    updatedById: str | None
    status: Literal["active", "deleted"]
    sourceMediaId: str | None
    versionNumber: int
    isActive: bool
    filename: str | None
    mimeType: str | None
    takenAt: str | None  # with its zone where that is known
    placeholder: str | None  # ThumbHash, base64
    # "#rrggbb", the most common first, six at most; [] for a folder, and while nobody knows
    colors: list[str]
    sha256: str | None  # hexadecimal
    processing: Processing | None  # null for a folder
    metadata: dict[str, Any]
    frames: list[Frame]
    dataset: Dataset
    folderItemCount: NotRequired[int]  # of a folder: active images and videos at any depth
    # of a folder: thumbnails of the newest in it, four at most, newest first
    folderPreviews: NotRequired[list[Link]]


class OneMedia(TypedDict):
    media: Media


class Reprocessing(TypedDict):
    id: str
    processing: Processing


class ReprocessingMany(TypedDict):
    requested: int  # of what was looked at; the others wait already, or have no file here
    nextCursor: str | None


class Versions(TypedDict):
    versions: list[Media]  # the first one first, each as it is


class DeletedVersion(TypedDict):
    deletedId: str
    promotedId: str | None  # what the item shows in its place; null: it did not show the deleted one


class Pagination(TypedDict):
    total: int
    limit: int
    offset: int
    hasMore: bool
    nextCursor: str | None


class Listing(TypedDict):
    media: list[Media]
    pagination: Pagination


class Collection(TypedDict):
    id: str
    name: str
    icon: str | None
    type: str
    organizationId: str
    isDefault: bool
    createdAt: Time
    updatedAt: Time


class CreatedCollection(Collection):
    dataset: Collection  # the same again: older clients read it here


class OneCollection(TypedDict):
    dataset: Collection


class Folder(TypedDict):
    id: str
    name: str
    type: Literal["folder"]
    blob: Literal["folder"]
    path: str
    datasetId: str
    collectionId: str
    status: Literal["active", "deleted"]
    createdAt: Time
    createdById: str


class OneFolder(TypedDict):
    folder: Folder


class Deleted(TypedDict):
    id: str
    deletedCount: int  # files, versions counted
    deletionId: str


class Restored(TypedDict):
    id: str
    restoredCount: int  # files, versions counted
    deletionId: str


class Outcome(TypedDict):
    id: str
    status: int  # as the answer to a request for this item alone would have
    changed: bool  # false: it was so already, or is refused
    newPath: NotRequired[str]  # of a moved one
    # of a deleted or restored one; null: of a dry run's deletion, which has none
    deletionId: NotRequired[str | None]
    error: NotRequired[str]  # where it is refused: a sentence for a person
    code: NotRequired[str]  # and a stable word


class BulkDone(TypedDict):
    action: Literal["move", "delete", "restore", "tag", "untag"]
    dryRun: bool
    succeeded: int
    failed: int
    deletedCount: NotRequired[int]  # files, versions counted
    restoredCount: NotRequired[int]
    results: list[Outcome]  # one for each id, in the order in which they were named first


class Trashed(TypedDict):
    deletionId: str
    id: str  # of what was deleted; with it went what lay in it. Of a selection: of one of several
    kind: Literal["media", "folder", "version", "collection", "selection"]
    name: str | None
    type: Literal["image", "video", "pdf", "folder"] | None  # null: a collection
    datasetId: str | None
    deletedAt: Time
    deletedById: str
    purgeAt: Time | None  # from when on it is gone for good; null: never
    deletedCount: int  # files, versions counted


class CursorPagination(TypedDict):
    limit: int
    hasMore: bool
    nextCursor: str | None


class Trash(TypedDict):
    trash: list[Trashed]
    pagination: CursorPagination


class Same(TypedDict):
    distance: int  # bits of 64 in which it looks other than the first of its group
    media: Media


class Group(TypedDict):
    match: Literal["exact", "near"]  # the same bytes, or the same looks
    count: int  # items of the group, in all
    items: list[Same]  # the first 50 of them, by when they were uploaded


class Duplicates(TypedDict):
    duplicates: list[Group]  # all that are exact before those that are near
    pagination: CursorPagination


class Moved(TypedDict):
    id: str
    newPath: str
    success: Literal[True]


class Tags(TypedDict):
    tags: dict[str, list[str]]  # group -> values, both sorted by code point


class Me(TypedDict):
    userId: str
    email: str
    name: str
    organizationId: str
    organizationName: str
    role: str


class Bytes(TypedDict):
    active: int
    trash: int
    originals: int
    derived: int
    total: int  # stored: active and trash
    reserved: int  # by open uploads, beside the total


class Counts(TypedDict):
    active: int
    trash: int


class Uploaded(TypedDict):
    success: Literal[True]
    mediaId: str
    url: str | None  # permanent link; null where the item was blocked within the request
    message: str


class Usage(TypedDict):
    bytes: Bytes
    counts: Counts  # originals
    limit: int | None  # bytes; null: none


class Detail(TypedDict):
    path: list[str | int]
    message: str


class Error(TypedDict):
    error: str  # a sentence for a person
    code: str  # a stable word
    details: NotRequired[list[Detail]]
    requestId: NotRequired[str]


def show_uploaded(media: models.media.Media, links: Links) -> Uploaded:
    """Of a form upload."""
    blocked = media.moderation is not None and media.moderation.get("status") == "blocked"
    return {
        "success": True,
        "mediaId": media.id.hex,
        "url": None if blocked else links.permanent(media),
        "message": "File uploaded but blocked by content moderation"
        if blocked
        else "File uploaded successfully",
    }


def show_media(media: models.media.Media, links: Links) -> Media:
    """A file or folder. Its frames' URLs live an hour; its `blob` until it is taken back."""
    shown: Media = {
        "id": media.id.hex,
        "name": media.name,
        "type": media.type,
        "blob": "folder"
        if media.type == "folder"
        else links.permanent(media)
        if media.verified_at is not None
        else None,
        "path": str(media.path),
        "datasetId": media.collection_id.hex,
        "width": media.width,
        "height": media.height,
        "duration": media.duration,
        "sizeBytes": media.size_bytes,
        "createdAt": show_time(media.created_at),
        "updatedAt": show_time(media.updated_at),
        "createdById": media.created_by.hex,
        "updatedById": media.updated_by.hex if media.updated_by else None,
        "status": media.status,
        "sourceMediaId": media.source_media_id.hex if media.source_media_id else None,
        "versionNumber": media.version_number,
        "isActive": media.is_active,
        "filename": media.filename,
        "mimeType": media.mime_type,
        "takenAt": _taken(media),
        "placeholder": base64.b64encode(media.placeholder).decode()
        if media.placeholder is not None
        else None,
        "colors": list(media.colors),
        "sha256": media.sha256.hex() if media.sha256 is not None else None,
        "processing": _processing(media),
        "metadata": _metadata(media),
        "frames": [_frame(frame, media, links) for frame in media.frames]
        if media.verified_at is not None
        else [],
        "dataset": {
            "id": media.collection_id.hex,
            "name": media.collection_name,
            "organizationId": media.organization_id.hex,
        },
    }
    if media.inside_count is not None:
        shown["folderItemCount"] = media.inside_count
        shown["folderPreviews"] = [links.object(key) for key in media.preview_keys]
    return shown


def _processing(media: models.media.Media) -> Processing | None:
    if media.processing is None:
        return None
    shown: Processing = {"state": media.processing, "reason": media.processing_reason}
    if media.is_reprocessing:
        shown["reprocessing"] = True
    if media.reprocess_failure is not None:
        shown["reprocessFailure"] = media.reprocess_failure
    return shown


def _metadata(media: models.media.Media) -> dict[str, Any]:
    """The client's own, and what else the documents show under this name; where both have a word, ours."""
    words = (("title", media.title), ("alt", media.alt), ("caption", media.caption))
    described: dict[str, Any] = {name: text for name, text in words if text is not None}
    if media.codec is not None:
        described["video"] = {"codec": media.codec, "frameRate": media.frame_rate}
    moderation = media.moderation or {"status": "unchecked", "categories": [], "moderatedAt": None}
    facts = {} if media.exif is None else {"exif": media.exif}
    return {**media.metadata, **described, "tags": media.tags, "moderation": moderation, **facts}


def _taken(media: models.media.Media) -> str | None:
    """By the camera's clock, with its zone; without one where nobody knows it (it is then kept as if the
    clock had been in UTC).
    """
    if media.taken_at is None:
        return None
    zone = re.fullmatch(r"([+-])(\d\d):?(\d\d)", media.taken_zone or "")
    if zone is None:
        spelled = media.taken_at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        return f"{spelled}Z" if media.taken_zone in ("Z", "UTC") else spelled
    offset = timedelta(hours=int(zone[2]), minutes=int(zone[3])) * (-1 if zone[1] == "-" else 1)
    return media.taken_at.astimezone(timezone(offset)).isoformat(timespec="milliseconds")


def _frame(frame: models.media.Frame, media: models.media.Media, links: Links) -> Frame:
    shown: Frame = {
        "id": frame.id.hex,
        "timestamp": _seconds(frame.at_seconds),
        "blob": links.object(frame.key),
        "thumbnailBlob": links.object(frame.thumbnail_key),
        "width": frame.width,
        "height": frame.height,
        "status": media.status,
        "createdAt": show_time(frame.created_at),
        "mediaId": media.id.hex,
        "captions": [
            {
                "id": caption.id.hex,
                "text": caption.text,
                "frameId": frame.id.hex,
                "createdAt": show_time(caption.created_at),
                "status": media.status,
            }
            for caption in frame.captions
        ],
        "objects": [
            {
                "id": found.id.hex,
                "type": found.type,
                "label": found.label,
                "blob": links.object(found.crop_key) if found.crop_key else "",
                "status": media.status,
                "polygon": [{"x": x, "y": y} for x, y in found.polygon],
                "confidence": found.score,
            }
            for found in frame.detections
        ],
    }
    if frame.end_seconds is not None:
        shown["endTimestamp"] = _seconds(frame.end_seconds)
    if frame.page_number is not None:
        shown["pageNumber"] = frame.page_number
    if frame.text is not None:
        shown["text"] = frame.text
    return shown


def _seconds(seconds: float) -> str:
    """`0`, `12.5`."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def show_one(media: models.media.Media, links: Links) -> Answer:
    """OneMedia, with its ETag."""
    return Answer({"media": show_media(media, links)}, headers={"etag": etag(media)})


def show_reprocessing(media: models.media.Media) -> Answer:
    """Reprocessing, with the ETag of the whole."""
    return Answer({"id": media.id.hex, "processing": _processing(media)}, 202, {"etag": etag(media)})


def show_reprocessing_many(requested: int, following: models.pages.Cursor | None) -> ReprocessingMany:
    return {"requested": requested, "nextCursor": show_cursor(following) if following else None}


def show_versions(versions: Sequence[models.media.Media], links: Links) -> Versions:
    return {"versions": [show_media(version, links) for version in versions]}


def show_deleted_version(deleted: models.deletions.DeletedVersion) -> DeletedVersion:
    return {
        "deletedId": deleted.id.hex,
        "promotedId": deleted.promoted_id.hex if deleted.promoted_id else None,
    }


NOT_ITS_OWN = ("path", "dataset", "folderItemCount", "folderPreviews")


def etag(media: models.media.Media) -> str:
    """Strong; changed by whatever is shown of the item's own state: not by URLs, nor by where its ancestors
    lie and what they are called, nor by what
    lies in it.
    """
    own = show_media(media, _Keys(""))
    state = [
        media.row_version,
        media.version_id,
        {name: value for name, value in own.items() if name not in NOT_ITS_OWN},
    ]
    return f'"{hashlib.sha256(to_json(state)).hexdigest()[:32]}"'


def unchanged(headers: Mapping[str, str]) -> Callable[[models.media.Media], None] | None:
    """What a request says by If-Match that an item must still be: a judge, who raises Stale. None: it
    says nothing.
    """
    return _unchanged(headers, etag)


def _unchanged(headers: Mapping[str, str], tag: Callable[[T], str]) -> Callable[[T], None] | None:
    said = headers.get("if-match")
    if said is None:
        return None

    def judge(thing: T) -> None:
        if said.strip() != "*" and tag(thing) not in [each.strip() for each in said.split(",")]:
            raise Stale("It has changed since it was read; read it again")

    return judge


class _Keys(Links):
    """Links without signatures: a key in the place of each URL, the same as long as it leads to the same."""

    def permanent(self, media: Linked) -> str:
        return media.link_token

    def object(self, key: str) -> str:
        return key


def show_listing(
    page: models.pages.Page[models.media.Media], links: Links, *, limit: int, offset: int
) -> Listing:
    """One page; shorter than asked for, with a cursor to go on, where the whole would be too large to
    answer.
    """
    shown: list[Media] = []
    following, size = page.next, 0
    for media in page.items:
        one = show_media(media, links)
        size += len(to_json(one)) + 1
        if size > ANSWER_BYTES and shown:
            before = page.items[len(shown) - 1]
            following = models.pages.Cursor(before.created_at.isoformat(), before.id)
            break
        shown.append(one)
    return {
        "media": shown,
        "pagination": {
            "total": page.total,
            "limit": limit,
            "offset": offset,
            "hasMore": following is not None,
            "nextCursor": show_cursor(following) if following else None,
        },
    }


def show_redirect(lead: Redirect) -> Answer:
    return Answer(None, 302, {"location": lead.url, "cache-control": f"private, max-age={lead.seconds}"})


def show_collection(collection: models.places.Collection) -> Collection:
    return {
        "id": collection.id.hex,
        "name": collection.name,
        "icon": collection.icon,
        "type": collection.type,
        "organizationId": collection.organization_id.hex,
        "isDefault": collection.is_default,
        "createdAt": show_time(collection.created_at),
        "updatedAt": show_time(collection.updated_at),
    }


def show_created_collection(collection: models.places.Collection) -> CreatedCollection:
    shown = show_collection(collection)
    return {**shown, "dataset": shown}


def show_one_collection(collection: models.places.Collection) -> Answer:
    """OneCollection, with its ETag."""
    return Answer({"dataset": show_collection(collection)}, headers={"etag": collection_etag(collection)})


def collection_etag(collection: models.places.Collection) -> str:
    """Strong; changed by whatever is shown of the collection, and by nothing that lies in it."""
    state = [collection.row_version, show_collection(collection)]
    return f'"{hashlib.sha256(to_json(state)).hexdigest()[:32]}"'


def unchanged_collection(headers: Mapping[str, str]) -> Callable[[models.places.Collection], None] | None:
    """The same of a collection."""
    return _unchanged(headers, collection_etag)


def show_folder(folder: models.places.Folder | models.media.Media) -> OneFolder:
    return {
        "folder": {
            "id": folder.id.hex,
            "name": folder.name,
            "type": "folder",
            "blob": "folder",
            "path": str(folder.path),
            "datasetId": folder.collection_id.hex,
            "collectionId": folder.collection_id.hex,
            "status": folder.status,
            "createdAt": show_time(folder.created_at),
            "createdById": folder.created_by.hex,
        }
    }


def show_one_folder(folder: models.media.Media) -> Answer:
    """OneFolder, with the ETag that it has as an item."""
    return Answer(show_folder(folder), headers={"etag": etag(folder)})


def show_moved(media: models.media.Media) -> Answer:
    """Moved, with its new ETag."""
    moved: Moved = {"id": media.id.hex, "newPath": str(media.path), "success": True}
    return Answer(moved, headers={"etag": etag(media)})


def show_deleted(deleted: models.deletions.Deleted) -> Deleted:
    return {"id": deleted.id.hex, "deletedCount": deleted.count, "deletionId": deleted.deletion_id.hex}


def show_restored(restored: models.deletions.Restored) -> Restored:
    return {"id": restored.id.hex, "restoredCount": restored.count, "deletionId": restored.deletion_id.hex}


def show_bulk(asked: Bulk, done: models.bulk.Outcomes) -> BulkDone:
    error = sum(each.error is not None for each in done.items)
    shown: BulkDone = {
        "action": asked.action,
        "dryRun": asked.dryRun,
        "succeeded": len(done.items) - error,
        "failed": error,
        "results": [_outcome(each, asked) for each in done.items],
    }
    if asked.action == "delete":
        shown["deletedCount"] = done.count or 0
    if asked.action == "restore":
        shown["restoredCount"] = done.count or 0
    return shown


def _outcome(each: models.bulk.Outcome, asked: Bulk) -> Outcome:
    if each.error is not None:
        return {
            "id": each.id.hex,
            "status": each.error.status,
            "changed": False,
            "error": each.error.sentence,
            "code": each.error.code,
        }
    shown: Outcome = {"id": each.id.hex, "status": 200, "changed": each.changed}
    if each.path is not None:
        shown["newPath"] = str(each.path)
    if each.deletion_id is not None:
        shown["deletionId"] = None if asked.dryRun and asked.action == "delete" else each.deletion_id.hex
    return shown


def show_trash(page: models.pages.Page[models.deletions.Trashed], *, limit: int) -> Trash:
    return {
        "trash": [
            {
                "deletionId": deletion.id.hex,
                "id": deletion.root_id.hex,
                "kind": deletion.kind,
                "name": deletion.name,
                "type": deletion.type,
                "datasetId": deletion.collection_id.hex if deletion.collection_id else None,
                "deletedAt": show_time(deletion.at),
                "deletedById": deletion.actor.hex,
                "purgeAt": show_time(deletion.purge_at) if deletion.purge_at else None,
                "deletedCount": deletion.item_count,
            }
            for deletion in page.items
        ],
        "pagination": {
            "limit": limit,
            "hasMore": page.next is not None,
            "nextCursor": show_cursor(page.next) if page.next else None,
        },
    }


def show_duplicates(
    groups: Sequence[models.duplicates.DuplicateGroup], links: Links, *, limit: int, more: bool
) -> Duplicates:
    """One page; shorter than asked for, with a cursor to go on, where the whole would be too large to
    answer.
    """
    shown: list[Group] = []
    size = 0
    for group in groups:
        one: Group = {
            "match": group.match,
            "count": group.count,
            "items": [
                {"distance": each.distance, "media": show_media(each.media, links)} for each in group.items
            ],
        }
        size += len(to_json(one)) + 1
        if size > ANSWER_BYTES and shown:
            more = True
            break
        shown.append(one)
    following = show_cursor(groups[len(shown) - 1].cursor) if more else None
    return {"duplicates": shown, "pagination": {"limit": limit, "hasMore": more, "nextCursor": following}}


def show_tags(tags: Sequence[models.tags.Tag]) -> Tags:
    """In the order given."""
    groups: dict[str, list[str]] = {}
    for tag in tags:
        groups.setdefault(tag.group, []).append(tag.name)
    return {"tags": groups}


def show_me(caller: models.people.Caller) -> Me:
    return {
        "userId": caller.user_id.hex,
        "email": caller.email,
        "name": caller.user_name,
        "organizationId": caller.organization_id.hex,
        "organizationName": caller.organization_name,
        "role": caller.role,
    }


def show_usage(usage: models.deletions.Usage) -> Usage:
    return {
        "bytes": {
            "active": usage.active_bytes,
            "trash": usage.trash_bytes,
            "originals": usage.original_bytes,
            "derived": usage.derived_bytes,
            "total": usage.stored_bytes,
            "reserved": usage.reserved_bytes,
        },
        "counts": {"active": usage.active_count, "trash": usage.trash_count},
        "limit": usage.limit_bytes,
    }


# What is refused.


def error_answer(error: ApiError, operation: str | None) -> Answer:  # noqa: ARG001 - each dialect takes these arguments
    if isinstance(error, OtherOrganization):  # the documents promise 403 where v1 says 404
        sentence = (
            error.sentence if isinstance(error, NotAMember) else "No access to this item's organization"
        )
        return Answer({"error": sentence, "code": error.code}, 403)
    return show_error(error)


def show_error(error: ApiError) -> Answer:
    """{"error", "code"}, with the refusal's own status; `details` where single fields are at fault."""
    body: dict[str, object] = {"error": error.sentence, "code": error.code}
    if isinstance(error, Invalid) and error.issues:
        body["details"] = [{"path": list(issue.path), "message": issue.message} for issue in error.issues]
    return Answer(body, error.status, said_in_headers(error))


def internal_error(request_id: str, operation: str | None) -> Answer:  # noqa: ARG001 - each dialect takes these arguments
    return Answer({"error": "Internal server error", "code": "internal_error", "requestId": request_id}, 500)
