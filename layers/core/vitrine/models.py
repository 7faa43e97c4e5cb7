"""The nouns, as frozen dataclasses: what passes between the modules. Sizes are bytes, durations seconds,
times aware datetimes in UTC.
"""

from __future__ import annotations

from dataclasses import field
from typing import IO, TYPE_CHECKING, Final, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID

    from vitrine.errors import Refusal
else:
    from vitrine.records import dataclass

T = TypeVar("T")

Role = Literal["owner", "admin", "editor", "member", "viewer"]
MediaType = Literal["image", "video", "pdf", "folder"]
Status = Literal["active", "deleted"]
Processing = Literal["pending", "ready", "failed"]
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
ItemKind = Literal["organization", "collection", "media", "folder", "upload", "upload_version", "upload_key"]

MAX_FOLDER_DEPTH = 32
FURTHEST = 16  # bits of 64 that differ: what looks the same is nearer, and is kept
USUAL = 6  # bits: measured, see "What looks the same" in docs/decisions.md
MAX_NAME = 255  # code points
MAX_KEY_NAME = 100
MAX_URL = 2048  # UTF-16 units of a URL that an item leads to
MAX_EMAIL = 320  # code points: 64, an @, 255
# seconds that a session lasts of who did not want to be remembered, on a computer that may be anybody's
UNREMEMBERED = 24 * 3600
OPEN_STATES: tuple[UploadState, ...] = ("created", "uploading", "completing")


class Stays:
    """In the place of a value: it is left as it is."""


STAYS: Final = Stays()


# Who asks.


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, wherever they belong."""

    user_id: UUID
    email: str
    user_name: str
    key_id: UUID | None  # None: a session
    scopes: frozenset[str] | None  # None: all, as a session has
    session_id: UUID | None = field(default=None, kw_only=True)  # None: an API key


@dataclass(frozen=True, slots=True)
class Caller(Person):
    """Somebody, in one organization: the only one that their transactions open."""

    organization_id: UUID
    organization_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Nobody:
    """No credentials: opens no organization, sees no tenant's row."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """An event's own organization, looked up by what the event is about."""

    organization_id: UUID


@dataclass(frozen=True, slots=True)
class Worker:
    """A scheduled job: the only one that crosses organizations."""


Actor = Caller | Nobody | Consumer | Worker


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, as they see themselves."""

    id: UUID
    email: str
    name: str
    image: str | None
    email_verified: bool
    created_at: datetime
    updated_at: datetime
    password_hash: str | None = field(default=None, repr=False)  # None: without a password, or not looked up


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that is open, as the person in it sees it."""

    id: UUID
    account: Account
    active_organization_id: UUID | None
    address: str | None
    user_agent: str | None
    created_at: datetime
    seen_at: datetime  # within a day
    expires_at: datetime
    life: int  # seconds after each use
    token_number: int  # which of the tokens shown is its own, from 1

    @property
    def remembered(self) -> bool:
        """Whether it is to outlive the browser's being closed. A shorter `session_ttl` makes all sessions
        such that are not: who then comes back
        after that time signs in again.
        """
        return self.life > UNREMEMBERED


@dataclass(frozen=True, slots=True)
class Identity:
    """What one look at the credentials and a route's item says."""

    # which of those that were shown, from 1; None: none is good, then all about the person is None
    credential_number: int | None
    user_id: UUID | None
    email: str | None
    user_name: str | None
    key_id: UUID | None
    session_id: UUID | None
    scopes: list[str] | None
    organization_state: Literal["member", "stranger", "absent", "none"]
    organization_id: UUID | None
    organization_name: str | None
    role: Role | None
    item_state: Literal["here", "elsewhere", "absent", "none"]
    hits: int | None  # requests of this window, this one counted; None: not counted
    resets_at: datetime | None
    bucket: str | None  # what was counted
    # whether the organization chosen earlier is one of the person's; None: none was chosen, or nobody asks
    preferred_is_own: bool | None


# What is kept.


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner may see it: never the key itself, which is known only when it is made."""

    id: UUID
    name: str
    prefix: str  # its first 16 characters, to recognize it by
    scopes: list[str]
    state: Literal["active", "expired", "inactive"]  # inactive: revoked
    last_used_at: datetime | None  # written at most every five minutes; None: never used
    expires_at: datetime | None  # None: never
    revoked_at: datetime | None  # in the future: it was rotated, and works until then; None: neither
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """An organization, as one of its people is in it."""

    id: UUID  # of the organization
    name: str
    slug: str
    created_at: datetime
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """A person, as they are in an organization."""

    user_id: UUID
    organization_id: UUID
    email: str
    name: str
    image: str | None
    role: Role
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whoever has this e-mail address, and shows the token, may join."""

    id: UUID
    organization_id: UUID
    email: str
    role: Role
    status: Literal["pending", "accepted", "canceled"]  # pending also when it has expired
    invited_by: UUID
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FolderPath:
    """A place: a collection, and the folders down to one of them (none: the collection's root)."""

    collection_id: UUID
    folder_ids: tuple[UUID, ...] = ()

    @property
    def place_id(self) -> UUID:
        """The folder it ends in, or the collection."""
        return self.folder_ids[-1] if self.folder_ids else self.collection_id

    def below(self, child: UUID) -> FolderPath:
        """The path of something that lies here."""
        return FolderPath(self.collection_id, (*self.folder_ids, child))

    def ltree(self) -> str:
        """As PostgreSQL's ltree spells it: 32 hexadecimal digits, joined by dots."""
        return ".".join(part.hex for part in (self.collection_id, *self.folder_ids))


@dataclass(frozen=True, slots=True)
class Collection:
    id: UUID
    organization_id: UUID
    name: str
    icon: str | None
    type: str
    is_default: bool
    row_version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, or the root of a collection (then `id` is the collection's and the path has no folder)."""

    id: UUID
    collection_id: UUID
    path: FolderPath
    name: str
    status: Status
    created_at: datetime
    created_by: UUID


@dataclass(frozen=True, slots=True)
class Caption:
    id: UUID
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Detection:
    id: UUID
    type: str
    label: str
    polygon: tuple[tuple[float, float], ...]  # corners in pixels of the frame
    score: float  # 0 to 1
    crop_key: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    id: UUID
    at_seconds: float
    end_seconds: float | None
    page_number: int | None
    key: str
    width: int  # pixels
    height: int
    thumbnail_key: str
    text: str | None
    created_at: datetime
    captions: tuple[Caption, ...]
    detections: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """An item as it is shown: a file (with what its active version shows) or a folder; or a version,
    shown as itself.
    """

    id: UUID
    organization_id: UUID
    collection_id: UUID
    collection_name: str
    path: str  # ltree, the item's own id last
    type: MediaType
    status: Status
    row_version: int
    name: str
    title: str | None
    alt: str | None
    caption: str | None
    metadata: dict[str, object]  # the client's own, without tags
    tags: dict[str, list[str]]  # group -> values
    link_token: str
    version_id: UUID | None  # the active one; None for a folder
    version_number: int
    filename: str | None
    mime_type: str | None
    size_bytes: int
    width: int | None  # pixels, as displayed
    height: int | None
    duration: float | None  # None for stills
    sha256: bytes | None
    placeholder: bytes | None  # ThumbHash
    taken_at: datetime | None  # as if the camera's clock had been in UTC where its zone is not known
    taken_zone: str | None  # "+02:00"; "Z": UTC
    processing: Processing | None  # None for a folder
    processing_reason: str | None
    moderation: dict[str, object] | None
    verified_at: datetime | None
    created_at: datetime
    created_by: UUID
    updated_at: datetime
    updated_by: UUID | None
    frames: tuple[Frame, ...]
    codec: str | None = None  # of a video, as FFmpeg calls it
    frame_rate: float | None = None  # of a video, frames per second
    inside_count: int | None = None  # of a folder: active images and videos at any depth; None for a file
    preview_keys: tuple[str, ...] = ()  # of a folder: thumbnails of the newest in it, four at most
    # of a version shown as itself: its item; None for an item, and for its first version
    source_media_id: UUID | None = None
    is_active: bool = True  # False for a version that its item does not show
    is_reprocessing: bool = False  # its frames are being made anew
    # why that came to nothing, and the frames are those it had; None: it did not
    reprocess_failure: str | None = None
    colors: tuple[str, ...] = ()  # "#rrggbb", the most common first
    exif: dict[str, object] | None = None  # what camera and lens said; None: nothing


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is known of a file before it is uploaded. None: nothing, and nothing is like it in that."""

    filename: str | None
    size_bytes: int | None
    sha256: bytes | None


@dataclass(frozen=True, slots=True)
class Existing:
    """A file that another one is like."""

    id: UUID
    link_token: str
    status: Status
    created_at: datetime
    match: Literal["content", "name_and_size"]


@dataclass(frozen=True, slots=True)
class OtherCopy:
    """A version that has the bytes of another one."""

    id: UUID
    name: str  # of its item
    status: Status


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An item of a group."""

    media: Media
    distance: int  # bits of 64 in which it looks other than the first


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Items that are the same."""

    match: Literal["exact", "near"]  # in their bytes, or in how they look
    count: int  # all of them
    items: tuple[Duplicate, ...]  # the first to be uploaded first; of many, so many
    cursor: Cursor  # where a listing goes on after this group


@dataclass(frozen=True, slots=True)
class Description:
    """What people say of an item, whole: what is None or missing is not said of it."""

    title: str | None
    alt: str | None
    caption: str | None
    tags: dict[str, list[str]]  # group -> values
    metadata: dict[str, object]  # the rest, of the client's own making


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be said of an item, beside what stays."""

    title: str | Stays | None = STAYS
    alt: str | Stays | None = STAYS
    caption: str | Stays | None = STAYS


@dataclass(frozen=True, slots=True)
class Tag:
    """A value in a group, which items of an organization have."""

    id: UUID
    group: str
    name: str
    is_active: bool  # False: hidden, shown by neither API


@dataclass(frozen=True, slots=True)
class SluggedTag(Tag):
    """A tag of the group that v1 sees, whole."""

    slug: str
    description: str | None
    icon: str | None
    color: str | None
    order: int  # of listings, before the name
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Named:
    """A thing as a request names it."""

    said: str
    id: UUID | None  # None: what was said is no id
    path: tuple[str | int, ...]  # where in the body


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a listing. `next` continues after its last item; None at the end."""

    items: tuple[T, ...]
    total: int
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a listing goes on: after the item with this sort key and id."""

    key: str
    id: UUID


DeletionKind = Literal["media", "folder", "version", "collection", "selection"]


@dataclass(frozen=True, slots=True)
class Trashed:
    """An act of deletion that can be reversed."""

    id: UUID
    kind: DeletionKind
    root_id: UUID  # what was deleted; with it went what lay in it. Of a selection: one of several
    actor: UUID
    at: datetime
    purge_at: datetime | None  # from when on it is gone for good; None: never
    item_count: int  # files, versions counted
    name: str | None  # of the root
    type: MediaType | None  # of the root; None: a collection
    collection_id: UUID | None


@dataclass(frozen=True, slots=True)
class Restored:
    """An act that was reversed."""

    id: UUID  # of the item that was asked for
    deletion_id: UUID
    count: int  # files, versions counted


@dataclass(frozen=True, slots=True)
class Deleted:
    """An act of deletion: what it was of, and how many files went, versions counted."""

    id: UUID
    deletion_id: UUID
    count: int


@dataclass(frozen=True, slots=True)
class DeletedVersion:
    """An act of deletion that took one version."""

    id: UUID
    deletion_id: UUID
    promoted_id: UUID | None  # what its item shows in its place; None: it was not what the item showed


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes and originals of an organization, by state and kind."""

    active_bytes: int
    trash_bytes: int
    original_bytes: int
    derived_bytes: int
    active_count: int
    trash_count: int
    limit_bytes: int | None
    # by open uploads, for what they may still land; not stored, but counted against the limit
    reserved_bytes: int = 0

    @property
    def stored_bytes(self) -> int:
        return self.active_bytes + self.trash_bytes


@dataclass(frozen=True, slots=True)
class Link:
    """What a permanent link leads to."""

    organization_id: UUID
    name: str
    filename: str | None
    mime_type: str | None
    processing: Processing
    key: str | None  # None: an external URL
    external_url: str | None
    frame_key: str | None  # None: not derived (yet)
    frame_mime_type: str | None
    thumbnail_key: str | None


# What is done to many items at once.


@dataclass(frozen=True, slots=True)
class Move:
    """Into a folder of the items' collection, or to its root."""

    destination: str  # a path, whose last id decides


@dataclass(frozen=True, slots=True)
class Delete:
    """Into the trash, folders with everything below them: one act for each collection."""


@dataclass(frozen=True, slots=True)
class Restore:
    """The acts that took the items are reversed, whole."""


@dataclass(frozen=True, slots=True)
class AddTag:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class RemoveTag:
    label: str
    value: str | None  # None: all of the label


Action = Move | Delete | Restore | AddTag | RemoveTag


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of one of the items, or would."""

    id: UUID
    refused: Refusal | None = None  # None: it is as the action says
    changed: bool = True  # False: it was so already, or is refused
    path: str | None = None  # of a moved item: where it lies
    deletion_id: UUID | None = None  # of a deleted or restored one: the act


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One for each item, in the order in which they were named first."""

    items: tuple[Outcome, ...]
    count: int | None = None  # files that were deleted or restored, versions counted; None: of another action


# Jobs.


@dataclass(frozen=True, slots=True)
class Done:
    """One thing a job did (or would do, on a dry run), and to what."""

    deed: str
    item: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What a job did in one bounded step. `cursor` goes on after it; None: the end was reached."""

    done: tuple[Done, ...]
    cursor: str | None


# Uploads.


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
