"""Creating an upload: what a client declares is checked, and the rows of the upload and of its object are
inserted.

The methods differ only in key, lifetime and reservation: `library/uploads.py` creates posts and multipart
uploads, `library/form_uploads.py` uploads whose bytes came in the request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vitrine import content, queries
from vitrine.credentials import mint_id, mint_token
from vitrine.db import Transaction, read_all, transaction
from vitrine.errors import Conflict, Invalid, TooLarge
from vitrine.library import check_declared_type, clean_name, folders, quotas, versions
from vitrine.models.places import MAX_FOLDER_DEPTH
from vitrine.models.uploads import MAX_PART, MAX_PARTS, MIN_PART, ChecksumKind, Upload
from vitrine.settings import MIB, settings

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models.people import Caller
    from vitrine.models.uploads import UploadMethod
    from vitrine.queries.versions import VersionedItem

FIRST_PART = 8 * MIB  # the proposed part size; doubled until MAX_PARTS suffice
ANY_TYPE = "application/octet-stream"  # of a file whose declared type is no media type: its content decides

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")  # RFC 6838
_TOO_DEEP = f"Folders can be nested {MAX_FOLDER_DEPTH} deep, and no deeper"


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What a client wants to upload, and its destination. Sizes are bytes; None: not declared."""

    filename: str
    mime_type: str  # a hint only: the content decides when the bytes have landed
    name: str | None = None  # None: the filename
    collection_id: UUID | None = None  # None: the organization's default collection
    path: str | None = None  # ltree of a folder
    # "trip/day 1/photo.jpg": missing folders are created; the last part is ignored
    relative_path: str | None = None
    # The upload becomes a version of this item, and stays in its folder; title, alt and caption are the
    # item's.
    source_media_id: UUID | None = None
    title: str | None = None
    alt: str | None = None
    caption: str | None = None
    declared_bytes: int | None = None
    checksum: tuple[ChecksumKind, str] | None = None
    part_bytes: int | None = None


def mint_original_key(organization: UUID, version_id: UUID) -> str:
    """Return a fresh key of an original: originals/{organization}/{version}/{random}. Nobody can guess it."""
    return f"originals/{organization.hex}/{version_id.hex}/{mint_token()}"


def insert(
    caller: Caller,
    wanted: NewUpload,
    method: UploadMethod,
    *,
    upload_id: UUID,
    key: str,
    lifetime: int,
    undeclared: int = 0,
    version_id: UUID | None = None,
) -> Upload:
    """Insert the rows of a new upload and of its object. Return the upload, open for `lifetime` seconds.

    It reserves the declared size; without one `undeclared` bytes, or what is left of the quota where that is
    less. Raises Invalid, NotFound (collection, folder, item), TooLarge (limit or quota), Conflict (too many
    versions).
    """
    chosen = settings()
    mime_type = declared_type(wanted.mime_type)
    check_sizes(wanted)
    filename = clean_name(wanted.filename)
    name = clean_name(wanted.name if wanted.name is not None else wanted.filename)
    part_bytes = _part_bytes(wanted) if method == "multipart" else None
    source = _source(caller, wanted, wanted.source_media_id) if wanted.source_media_id is not None else None
    collection_id, folder_id = (
        _destination(caller, wanted) if source is None else (source.collection_id, None)
    )
    now = datetime.now(UTC)
    version_id = version_id or mint_id()
    # A form can be posted until its policy expires, and the store's clock may differ: the key is kept in the
    # registry a minute longer.
    keep_until = now + timedelta(seconds=chosen.post_url_ttl + 60) if method == "post" else None

    def work(db: Transaction) -> Upload:
        organization = caller.organization_id
        # A deletion of the collection ends the uploads that exist by then, so it must not run at the same
        # time.
        db.queue(queries.collections.lock_for_insert(organization, collection_id))
        db.queue(queries.uploads.lock_quota(organization))
        places, measured = db.run_all(
            queries.folders.get_place(organization, collection_id, folder_id),
            queries.uploads.quota(organization, upload_id),
        )
        folder = folders.check_place(places[0] if places else None, folder_id)
        upload = Upload.new(
            caller,
            upload_id=upload_id,
            key=key,
            method=method,
            collection_id=folder.collection_id,
            parent_id=folder.path.folder_ids[-1] if folder.path.folder_ids else None,
            source_media_id=source.media_id if source else None,
            media_id=source.media_id if source else None,
            version_id=version_id,
            name=name,
            filename=filename,
            mime_type=mime_type if mime_type in content.accepted_types() else ANY_TYPE,
            title=wanted.title,
            alt=wanted.alt,
            caption=wanted.caption,
            declared_bytes=wanted.declared_bytes,
            reserved_bytes=quotas.reserve(measured[0], wanted.declared_bytes, undeclared=undeclared),
            checksum=wanted.checksum,
            part_bytes=part_bytes,
            now=now,
            expires_at=now + timedelta(seconds=min(lifetime, chosen.upload_deadline)),
            deadline=now + timedelta(seconds=chosen.upload_deadline),
        )
        db.queue(
            queries.objects.plan(
                organization,
                key,
                "incoming" if method == "post" else "original",
                version=version_id,
                upload=upload_id,
                keep_until=keep_until,
            )
        )
        db.queue(queries.uploads.insert(upload))
        return upload

    return transaction(caller, work)


def declared_type(declared: str) -> str:
    """Return the declared type under its usual name and without parameters, or "" when it is no media type.

    No type is rejected here: the content decides later. Raises Invalid when the text cannot be stored or
    written into a policy.
    """
    check_declared_type(declared, "type")
    mime_type = content.canonical(declared)
    return mime_type if _MEDIA_TYPE.fullmatch(mime_type) else ""


def check_sizes(wanted: NewUpload) -> None:
    """Check the declared size; a size that was not declared is accepted.

    Raises Invalid for an empty file, and for a declared SHA-256 of a file too large to be hashed; TooLarge
    for a size over `max_upload_bytes`.
    """
    chosen = settings()
    size = wanted.declared_bytes
    if size is None:
        return
    if size < 1:
        raise Invalid("An empty file cannot be uploaded", code="empty_file")
    if size > chosen.max_upload_bytes:
        raise TooLarge(f"The file has {size} bytes; the limit is {chosen.max_upload_bytes}")
    if size > chosen.hash_max_bytes and wanted.checksum is not None and wanted.checksum[0] == "SHA256":
        raise Invalid(
            f"SHA-256 is computed for files of up to {chosen.hash_max_bytes} bytes; "
            "declare a CRC64NVME or CRC32C"
        )


def _part_bytes(wanted: NewUpload) -> int:
    """Return the wanted part size, or the smallest one with which MAX_PARTS suffice. Raises Invalid."""
    largest = wanted.declared_bytes or settings().max_upload_bytes
    if wanted.part_bytes is not None:
        if not MIN_PART <= wanted.part_bytes <= MAX_PART:
            raise Invalid(f"partSize is between {MIN_PART} and {MAX_PART} bytes")
        if wanted.declared_bytes is not None and not _suffices(wanted.part_bytes, wanted.declared_bytes):
            raise Invalid(f"With parts of {wanted.part_bytes} bytes the file needs more than {MAX_PARTS}")
        return wanted.part_bytes
    size = FIRST_PART
    while not _suffices(size, largest):
        size *= 2
    return min(size, MAX_PART)


def _suffices(part_bytes: int, size: int) -> bool:
    return size <= part_bytes * MAX_PARTS


def _source(caller: Caller, wanted: NewUpload, item: UUID) -> VersionedItem:
    """Return the item that the upload becomes a version of. Raises NotFound, Invalid, Conflict."""
    source = versions.get_item(caller, item)
    if wanted.collection_id is not None and wanted.collection_id != source.collection_id:
        raise Invalid("sourceMediaId is an item of another collection than datasetId says")
    if source.active_versions >= versions.MAX_VERSIONS:
        raise Conflict(
            f"An item has at most {versions.MAX_VERSIONS} versions; delete some that are not needed",
            code="too_many_versions",
        )
    return source


def _destination(caller: Caller, wanted: NewUpload) -> tuple[UUID | None, UUID | None]:
    """Return the ids of the collection (None: the default one) and of the folder (None: its root).

    Missing folders of a relative path are created. Any other destination is only looked up, later, when the
    upload is inserted.
    """
    collection_id = wanted.collection_id
    folder_id = folders.parse(wanted.path).place_id if wanted.path else None
    names = _folder_names(wanted)
    if not names:
        return collection_id, folder_id
    organization = caller.organization_id
    places, existing = read_all(
        caller,
        queries.folders.get_place(organization, collection_id, folder_id),
        queries.folders.list_chain(organization, collection_id, folder_id, names),
    )
    folder = folders.check_place(places[0] if places else None, folder_id)
    if len(folder.path.folder_ids) + len(names) > MAX_FOLDER_DEPTH:  # checked before any of them is created
        raise Invalid(_TOO_DEEP)
    folder = existing[-1] if existing else folder
    for name in names[len(existing) :]:
        folder = folders.create(caller, folder.collection_id, name, path=folder.path, reuse=True)
    return folder.collection_id, folder.id


def _folder_names(wanted: NewUpload) -> list[str]:
    """Return the names of the folders in the relative path. Its last part is ignored: the file has
    `filename`.
    """
    if not wanted.relative_path:
        return []
    *names, last = wanted.relative_path.split("/")
    # A backslash may be part of a file's own name. In a folder's name it comes from a Windows path, which is
    # not supported.
    backslash = any("\\" in name for name in names or [last])
    if backslash or any(name in ("", ".", "..") for name in (*names, last)):
        raise Invalid(
            "relativePath is made of folder names and a file name, joined by '/', "
            "without empty, '.' or '..' parts"
        )
    if len(names) > MAX_FOLDER_DEPTH:
        raise Invalid(_TOO_DEEP)
    return [clean_name(name, "relativePath") for name in names]
