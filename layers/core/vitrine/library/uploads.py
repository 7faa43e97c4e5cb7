"""Uploads: from a client's wish to an item that waits for its frames.

A client puts the bytes straight into the store, by a signed form (small files) or in signed parts; only those
of a form upload pass through here.
Whichever of Complete, the store's event and the sweep sees the object first calls `settle`, and exactly one
item is born.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from vitrine import content, queries, storage
from vitrine.credentials import mint_id, mint_token
from vitrine.db import Transaction, read, read_all, transaction, write
from vitrine.errors import (
    ApiError,
    Busy,
    Conflict,
    Invalid,
    NotFound,
    TooLarge,
    Unprocessable,
    UnsupportedType,
)
from vitrine.library import (
    check_declared_type,
    clean_name,
    duplicates,
    folders,
    media,
    objects,
    quotas,
    versions,
)
from vitrine.library import finalizing as finalizing
from vitrine.models.places import MAX_FOLDER_DEPTH
from vitrine.models.uploads import OPEN_STATES, ChecksumKind, Part, SignedPart, SignedPost, Upload
from vitrine.permissions import ADMINS
from vitrine.settings import GIB, MIB, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine.media_types import Kind
    from vitrine.models.duplicates import OtherCopy
    from vitrine.models.media import Media
    from vitrine.models.people import Caller
    from vitrine.models.uploads import SentFile, UploadMethod
    from vitrine.queries.versions import Family

MAX_PARTS = 10_000  # S3's
MIN_PART, MAX_PART = 5 * MIB, 5 * GIB
FIRST_PART = 8 * MIB  # doubled until MAX_PARTS suffice
WATCH_EVERY = 100  # signings of an upload that declared no size, between two looks at what has landed
ANY_TYPE = "application/octet-stream"  # of a file whose declared type says nothing: the content will

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")  # RFC 6838


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What a client wants to upload, and where to. Sizes in bytes; None: not said."""

    filename: str
    mime_type: str  # a hint, whatever it is: the content decides once the bytes are there
    name: str | None = None  # None: the filename
    collection_id: UUID | None = None  # None: the organization's default collection
    path: str | None = None  # ltree of a folder
    # "trip/day 1/photo.jpg": folders are made as needed; the last part is ignored
    relative_path: str | None = None
    # it becomes a version of that item, where that lies; what else is said of an item is the item's
    source_media_id: UUID | None = None
    title: str | None = None
    alt: str | None = None
    caption: str | None = None
    declared_bytes: int | None = None
    checksum: tuple[ChecksumKind, str] | None = None
    part_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class PostedUpload:
    upload: Upload
    post: SignedPost


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """Where an upload stands. `media` is given once the item can be seen, `others` once the SHA-256 of
    its bytes is known.
    """

    upload: Upload
    media: Media | None
    others: tuple[OtherCopy, ...] = ()  # versions of the same bytes; ten at most


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one file of several: it is an item, or it was refused."""

    file: SentFile
    mime_type: str  # by its content; as declared where the content does not say
    limit: int  # bytes that a file of this type may have
    media: Media | None
    error: ApiError | None


# What a client calls.


def create_post(caller: Caller, wanted: NewUpload) -> PostedUpload:
    """A row of an upload, and the form that puts its bytes into `incoming/`. The form of a file whose size
    was not declared allows as much as such a
    form may have, and no more than is left of the quota.

    Raises Invalid, NotFound (collection, folder, item), TooLarge (limit or quota), Conflict (versions beyond
    all measure).
    """
    chosen = settings()
    most = min(chosen.post_max_bytes, chosen.max_upload_bytes)
    if (wanted.declared_bytes or most) > MAX_PART:
        raise TooLarge(f"A file of more than {MAX_PART} bytes is uploaded in parts")
    upload_id = mint_id()
    upload = _create(
        caller,
        wanted,
        "post",
        upload_id=upload_id,
        key=f"incoming/{upload_id.hex}",
        undeclared=most,
        lasts=chosen.post_url_ttl + chosen.landing_seconds,
    )
    post = storage.sign_post(
        upload.key,
        mime_type=_declared_type(wanted.mime_type) or ANY_TYPE,
        smallest=wanted.declared_bytes or 1,
        largest=upload.reserved_bytes,
    )
    return PostedUpload(upload, post)


def create_multipart(caller: Caller, wanted: NewUpload) -> Upload:
    """A row of an upload, and the store's own multipart upload behind it. Raises as `create_post` does."""
    upload_id, version_id = mint_id(), mint_id()
    key = f"originals/{caller.organization_id.hex}/{version_id.hex}/{mint_token()}"
    upload = _create(
        caller,
        wanted,
        "multipart",
        upload_id=upload_id,
        key=key,
        version_id=version_id,
        lasts=settings().upload_ttl,
    )

    kind = wanted.checksum[0] if wanted.checksum else "CRC64NVME"
    store_upload_id = storage.open_multipart(key, checksum_kind="CRC32C" if kind == "CRC32C" else "CRC64NVME")
    opened = write(caller, queries.uploads.opened(caller.organization_id, upload.id, store_upload_id))
    if not opened:
        storage.abort(key, store_upload_id)
        raise Conflict("The upload was ended while it was being opened")
    return opened[0]


def put_form(caller: Caller, wanted: NewUpload, file: SentFile) -> Media:
    """The file is in the store and its item is born, verified by its head: it can be seen before its frames
    are made.

    Of `wanted`, what the file itself says (type, size) is taken from the file. Raises as `create_post` does;
    Unprocessable when the bytes were
    refused; Busy when the store does not answer: then the upload is taken back.
    """
    file.content.seek(0)
    found = content.sniff(file.content.read(content.HEAD_BYTES))
    wanted = replace(wanted, mime_type=found.mime_type if found else "", declared_bytes=file.size)
    _check_sizes(wanted)
    if found is None:
        raise UnsupportedType(
            f"The file is not a picture or video of a type that is taken: {', '.join(sorted(content.taken()))}"
        )
    if found.mime_type not in content.taken():
        raise UnsupportedType(
            f"Files of type {found.mime_type} are not taken; {', '.join(sorted(content.taken()))} are"
        )
    version_id = mint_id()
    key = f"originals/{caller.organization_id.hex}/{version_id.hex}/{mint_token()}"
    upload = _create(
        caller,
        wanted,
        "form",
        upload_id=mint_id(),
        key=key,
        version_id=version_id,
        lasts=settings().landing_seconds,
    )
    try:
        with suppress(storage.AlreadyThere):  # nobody else knows the key: a first try has landed
            storage.put_original(key, file)
        finalized = finalizing.finalize(caller, upload)
    except BaseException:
        with suppress(Exception):  # the sweep would do it too, later
            _take_back(caller, upload)
            objects.discard(caller, upload.organization_id, upload.key)
        raise
    if finalized is None or finalized.state not in ("stored", "processing", "ready", "failed"):
        _ended(finalized or upload)
    finalizing.verify(caller, finalized, found)
    return media.get(caller, finalized.version_id)


def put_files(caller: Caller, files: Sequence[SentFile], *, largest_form: int) -> list[Judged]:
    """Each file that is not empty, in its order, judged for itself: its item is there as `put_form` leaves
    it, or nothing of it is.

    `largest_form`: bytes that all of them together may have where they came in.
    """
    return [_judged(caller, file, largest_form) for file in files if file.size > 0]


def _judged(caller: Caller, file: SentFile, largest_form: int) -> Judged:
    file.content.seek(0)
    found = content.sniff(file.content.read(content.HEAD_BYTES))
    mime_type = found.mime_type if found else content.canonical(file.declared_type)
    limit = largest_file(largest_form, found.kind if found else None)
    try:
        if found is None or mime_type not in content.taken():
            raise UnsupportedType(f"Files of type {content.described(mime_type)} are not taken")
        if file.size > limit:
            raise TooLarge(f"The file has {file.size} bytes; the limit is {limit}")
        item = put_form(caller, NewUpload(file.filename, mime_type), file)
    except ApiError as rejection:
        return Judged(file, mime_type, limit, None, rejection)
    return Judged(file, mime_type, limit, item, None)


def largest_file(largest_form: int, kind: Kind | None = None) -> int:
    """Bytes of one file in a form; of any kind that has no limit of its own where none is named."""
    chosen = settings()
    own = {"image": chosen.max_size_image_mb, "video": chosen.max_size_video_mb}.get(kind or "", 0)
    return min((own or chosen.max_size_mb) * MIB, largest_form, chosen.max_upload_bytes)


def parts(caller: Caller, upload_id: UUID, key: str) -> list[Part]:
    """The parts that the store holds. Raises NotFound, Conflict when the upload is not open any more."""
    upload = _own(caller, upload_id, key)
    store_upload_id = _open_multipart(upload)
    try:
        return storage.parts(upload.key, store_upload_id)
    except storage.NoSuchUpload:
        finalized = finalizing.finalize(caller, upload)
        _ended(finalized or upload)


def sign_part(
    caller: Caller,
    upload_id: UUID,
    key: str,
    number: int,
    *,
    size: int | None = None,
    checksum: str | None = None,
) -> SignedPart:
    """A URL that puts one part, for minutes. Raises NotFound, Invalid, Conflict when the upload is not
    open, TooLarge.
    """
    if size is not None and not 1 <= size <= MAX_PART:
        raise Invalid(f"A part has between 1 and {MAX_PART} bytes")
    upload, store_upload_id = _about_to_sign(caller, upload_id, key, [number])
    return storage.sign_part(upload.key, store_upload_id, number, size=size, checksum=checksum)


def sign_parts(caller: Caller, upload_id: UUID, key: str, numbers: Sequence[int]) -> dict[int, SignedPart]:
    """URLs for up to a hundred parts. Raises as `sign_part` does."""
    if not 1 <= len(numbers) <= 100:
        raise Invalid("Between 1 and 100 parts can be signed at once")
    upload, store_upload_id = _about_to_sign(caller, upload_id, key, numbers, watch=True)
    return {number: storage.sign_part(upload.key, store_upload_id, number) for number in numbers}


def complete(caller: Caller, upload_id: UUID, key: str, chosen: Sequence[tuple[int, str]]) -> Upload:
    """The parts (number, ETag) are one object and its item is born; without parts, all that the store holds.

    Called again, whoever called first, the answer is the same. Raises Busy while another call completes it,
    Invalid when the parts are not
    what is there, Unprocessable when the bytes were refused, Conflict when the upload was aborted or has
    expired.
    """
    upload = _own(caller, upload_id, key)
    if upload.method != "multipart":
        raise Conflict("This upload completes itself when its form is posted")
    lease_id = mint_id()
    leased = write(
        caller,
        queries.uploads.lease(upload.organization_id, upload.id, lease_id, settings().complete_lease, caller),
    )
    if not leased:
        return _already_completed(caller, _own(caller, upload_id, key))
    upload = leased[0]
    assert upload.store_upload_id is not None

    def give_back() -> None:
        write(caller, queries.uploads.release(upload.organization_id, upload.id, lease_id))

    try:
        named = list(chosen) or [
            (p.number, p.etag) for p in storage.parts(upload.key, upload.store_upload_id)
        ]
        if not named:
            give_back()
            raise Invalid("No part has been uploaded yet")
        checksum = (
            (upload.checksum_kind, upload.checksum_value)
            if upload.checksum_kind and upload.checksum_value
            else None
        )
        storage.complete(
            upload.key, upload.store_upload_id, named, size=upload.declared_bytes, checksum=checksum
        )
    except (storage.NoSuchUpload, storage.AlreadyThere, storage.NotThere):
        pass  # completed before, or gone: the object itself tells
    except storage.WrongChecksum:
        rejected = finalizing.reject_unfinished(
            caller, upload, "The bytes do not have the checksum that was declared"
        )
        with suppress(Busy):
            storage.abort(upload.key, upload.store_upload_id)
        _ended(rejected)
    except storage.WrongParts as wrong:
        give_back()
        raise Invalid(f"The store refused the parts: {wrong}", code="invalid_parts") from wrong
    except Busy:
        with suppress(Busy):
            give_back()
        raise

    finalized = finalizing.finalize(caller, upload)
    if finalized is not None:
        return _already_completed(caller, finalized)
    give_back()
    raise Conflict("The store no longer knows this upload; start again", code="upload_lost")


def abort(caller: Caller, upload_id: UUID, key: str) -> None:
    """The upload takes no more bytes, and the store holds none of it. Raises NotFound; Busy while it is
    being completed.
    """
    upload = _own(caller, upload_id, key)
    if upload.state == "completing":
        raise Busy("The upload is being completed")

    aborted = _take_back(caller, upload)
    if aborted is None and _own(caller, upload_id, key).state == "completing":
        raise Busy("The upload is being completed")
    if aborted is not None or upload.state == "aborted":
        if upload.store_upload_id is not None:
            storage.abort(upload.key, upload.store_upload_id)
        objects.discard(caller, upload.organization_id, upload.key)


def by_version(caller: Caller, version: UUID) -> UploadStatus:
    """The upload that made, or will make, this version. Raises NotFound."""
    found = read(caller, queries.uploads.by_version(caller.organization_id, version))
    return _status(caller, _visible(caller, found))


def by_key(caller: Caller, key: str) -> UploadStatus:
    """The upload that lands at this key. Raises NotFound."""
    found = read(caller, queries.uploads.by_key(caller.organization_id, key))
    return _status(caller, _visible(caller, found))


# Helpers of creating, in the order they are used.


def _create(
    caller: Caller,
    wanted: NewUpload,
    method: UploadMethod,
    *,
    upload_id: UUID,
    key: str,
    lasts: int,
    undeclared: int = 0,
    version_id: UUID | None = None,
) -> Upload:
    """The row of a new upload, open for `lasts` seconds, and that of its object. It reserves what was
    declared, else `undeclared`, or what is left of
    the quota where that is less.
    """
    chosen = settings()
    hint = _declared_type(wanted.mime_type)
    _check_sizes(wanted)
    filename, name = (
        clean_name(wanted.filename),
        clean_name(wanted.name if wanted.name is not None else wanted.filename),
    )
    part_bytes = _part_bytes(wanted) if method == "multipart" else None
    source = _source(caller, wanted, wanted.source_media_id) if wanted.source_media_id is not None else None
    collection_id, place_id = _place(caller, wanted) if source is None else (source.collection_id, None)
    now = datetime.now(UTC)
    version_id = version_id or mint_id()
    # A form can be posted until its policy expires, and a clock may be off: the key is watched a little
    # longer.
    keep_until = now + timedelta(seconds=chosen.post_url_ttl + 60) if method == "post" else None

    def work(db: Transaction) -> Upload:
        organization = caller.organization_id
        # who deletes it ends the uploads that are there by then
        db.queue(queries.collections.lock_for_insert(organization, collection_id))
        db.queue(queries.uploads.queue_for_quota(organization))
        places, measured = db.run_all(
            queries.folders.at(organization, collection_id, place_id),
            queries.uploads.quota(organization, upload_id),
        )
        folder = folders.judged(places[0] if places else None, place_id)
        upload = Upload(
            organization_id=organization,
            id=upload_id,
            user_id=caller.user_id,
            collection_id=folder.collection_id,
            parent_id=folder.path.folder_ids[-1] if folder.path.folder_ids else None,
            source_media_id=source.media_id if source else None,
            media_id=source.media_id if source else version_id,
            version_id=version_id,
            method=method,
            state="created",
            reason=None,
            key=key,
            store_upload_id=None,
            name=name,
            filename=filename,
            mime_type=hint if hint in content.taken() else ANY_TYPE,
            title=wanted.title,
            alt=wanted.alt,
            caption=wanted.caption,
            declared_bytes=wanted.declared_bytes,
            reserved_bytes=quotas.reserve(measured[0], wanted.declared_bytes, most=undeclared),
            landed_bytes=0,
            checksum_kind=wanted.checksum[0] if wanted.checksum else None,
            checksum_value=wanted.checksum[1] if wanted.checksum else None,
            part_bytes=part_bytes,
            signed_parts=0,
            lease_until=None,
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(seconds=min(lasts, chosen.upload_deadline)),
            deadline=now + timedelta(seconds=chosen.upload_deadline),
            key_id=caller.key_id,
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


def _declared_type(declared: str) -> str:
    """Return the declared type by its usual name and without parameters, or "" where it is no media type. No
    type is rejected here: the content
    decides later. Raises Invalid only where the text cannot be stored or written into a policy.
    """
    check_declared_type(declared, "type")
    mime_type = content.canonical(declared)
    return mime_type if _MEDIA_TYPE.fullmatch(mime_type) else ""


def _check_sizes(wanted: NewUpload) -> None:
    chosen = settings()
    size = wanted.declared_bytes
    if size is not None and size < 1:
        raise Invalid("An empty file cannot be uploaded", code="empty_file")
    if size is not None and size > chosen.max_upload_bytes:
        raise TooLarge(f"The file has {size} bytes; the limit is {chosen.max_upload_bytes}")
    if (
        size is not None
        and size > chosen.hash_max_bytes
        and wanted.checksum is not None
        and wanted.checksum[0] == "SHA256"
    ):
        raise Invalid(
            f"SHA-256 is computed for files of up to {chosen.hash_max_bytes} bytes; declare a CRC64NVME or CRC32C"
        )


def _part_bytes(wanted: NewUpload) -> int:
    largest = wanted.declared_bytes or settings().max_upload_bytes
    if wanted.part_bytes is not None:
        if not MIN_PART <= wanted.part_bytes <= MAX_PART:
            raise Invalid(f"partSize is between {MIN_PART} and {MAX_PART} bytes")
        if wanted.declared_bytes is not None and -(-wanted.declared_bytes // wanted.part_bytes) > MAX_PARTS:
            raise Invalid(f"With parts of {wanted.part_bytes} bytes the file needs more than {MAX_PARTS}")
        return wanted.part_bytes
    size = FIRST_PART
    while -(-largest // size) > MAX_PARTS:
        size *= 2
    return min(size, MAX_PART)


def _source(caller: Caller, wanted: NewUpload, item: UUID) -> Family:
    """The item that the upload is to be a version of."""
    found = versions.family(caller, item)
    if wanted.collection_id is not None and wanted.collection_id != found.collection_id:
        raise Invalid("sourceMediaId is an item of another collection than datasetId says")
    if found.living >= versions.MAX_VERSIONS:
        raise Conflict(
            f"An item has at most {versions.MAX_VERSIONS} versions; delete some that are not needed",
            code="too_many_versions",
        )
    return found


_TOO_DEEP = f"Folders can be nested {MAX_FOLDER_DEPTH} deep, and no deeper"


def _place(caller: Caller, wanted: NewUpload) -> tuple[UUID | None, UUID | None]:
    """The ids of the collection (None: the default one) and folder (None: its root) that the upload goes to.
    The folders of a relative path are
    created where they are missing; any other place is only looked up when the upload is created.
    """
    collection_id = wanted.collection_id
    place_id = folders.parse(wanted.path).place_id if wanted.path else None
    names = _folder_names(wanted)
    if not names:
        return collection_id, place_id
    organization = caller.organization_id
    places, there = read_all(
        caller,
        queries.folders.at(organization, collection_id, place_id),
        queries.folders.chain(organization, collection_id, place_id, names),
    )
    folder = folders.judged(places[0] if places else None, place_id)
    if len(folder.path.folder_ids) + len(names) > MAX_FOLDER_DEPTH:  # before any of them is created
        raise Invalid(_TOO_DEEP)
    folder = there[-1] if there else folder
    for name in names[len(there) :]:
        folder = folders.create(caller, folder.collection_id, name, path=folder.path, reuse=True)
    return folder.collection_id, folder.id


def _folder_names(wanted: NewUpload) -> list[str]:
    """The folders of a relative path. Its last part is no folder, and otherwise ignored: the file is
    called what `filename` says.
    """
    if not wanted.relative_path:
        return []
    *names, last = wanted.relative_path.split("/")
    # a file's own name may have one, a path of Windows is none of ours
    backslash = any("\\" in name for name in names or [last])
    if backslash or any(name in ("", ".", "..") for name in (*names, last)):
        raise Invalid(
            "relativePath is made of folder names and a file name, joined by '/', without empty, '.' or '..' parts"
        )
    if len(names) > MAX_FOLDER_DEPTH:
        raise Invalid(_TOO_DEEP)
    return [clean_name(name, "relativePath") for name in names]


# Helpers of the calls on an upload.


def _own(caller: Caller, upload_id: UUID, key: str) -> Upload:
    upload = _visible(caller, read(caller, queries.uploads.by_id(caller.organization_id, upload_id)))
    if upload.key != key:
        raise NotFound("Upload not found")
    return upload


def _take_back(caller: Caller, upload: Upload) -> Upload | None:
    """The upload takes no more bytes, and those it has are doomed. None: it was not open."""

    def work(db: Transaction) -> Upload | None:
        aborted = db.first(queries.uploads.abort(upload.organization_id, upload.id))
        if aborted is not None:
            db.queue(queries.objects.mark_deleting(upload.organization_id, [upload.key], "aborted"))
        return aborted

    return transaction(caller, work)


def _visible(caller: Caller, found: Sequence[Upload]) -> Upload:
    if not found or (found[0].user_id != caller.user_id and caller.role not in ADMINS):
        raise NotFound("Upload not found")
    return found[0]


def _open_multipart(upload: Upload) -> str:
    if upload.state not in OPEN_STATES:
        _ended(upload)
    if upload.store_upload_id is None:
        raise Conflict("This upload has no parts: it is posted as a form")
    return upload.store_upload_id


_ENDED = {
    "aborted": "The upload was aborted",
    "expired": "The upload has expired; start again",
    "rejected": "The file was refused",
    "failed": "The file could not be processed",
}


def _ended(upload: Upload) -> NoReturn:
    sentence = _ENDED.get(upload.state, "The upload is complete")
    if upload.state == "rejected":
        raise Unprocessable(f"{sentence}: {upload.reason}", code="upload_rejected")
    raise Conflict(sentence, code=f"upload_{upload.state}")


def _about_to_sign(
    caller: Caller, upload_id: UUID, key: str, numbers: Sequence[int], *, watch: bool = False
) -> tuple[Upload, str]:
    if any(not 1 <= number <= MAX_PARTS for number in numbers):
        raise Invalid(f"Parts are numbered from 1 to {MAX_PARTS}")
    upload = _own(caller, upload_id, key)
    store_upload_id = _open_multipart(upload)
    signed = write(
        caller,
        queries.uploads.sign(upload.organization_id, upload.id, len(numbers), settings().upload_ttl, caller),
    )
    if not signed:
        if upload.state == "completing":
            raise Busy("The upload is being completed")
        _ended(replace(upload, state="expired") if upload.state in OPEN_STATES else upload)
    upload = signed[0]
    if upload.declared_bytes is None and (watch or upload.signed_parts % WATCH_EVERY == 0):
        _watch(caller, upload, store_upload_id)
    return upload, store_upload_id


def _watch(caller: Caller, upload: Upload, store_upload_id: str) -> None:
    """An upload that declared no size is ended when what has landed is over the limit or the quota."""
    try:
        size = sum(part.bytes for part in storage.parts(upload.key, store_upload_id))
    except storage.NoSuchUpload:
        return
    _, measured = read_all(
        caller,
        queries.uploads.landed(upload.organization_id, upload.id, size),
        queries.uploads.quota(upload.organization_id, upload.id),
    )
    quota: queries.uploads.Quota = measured[0]
    limit = settings().max_upload_bytes
    over_quota = quota.limit is not None and quota.stored + quota.reserved + size > quota.limit
    if size > limit or over_quota:
        abort(caller, upload.id, upload.key)
        raise TooLarge(
            quotas.full(quota, size) if over_quota else f"The file has more than {limit} bytes, the limit",
            code=quotas.CODE if over_quota else None,
        )


def _already_completed(caller: Caller, upload: Upload) -> Upload:
    """The answer to a Complete that comes after another."""
    if upload.state == "completing":
        raise Busy("The upload is being completed", retry_after=2)
    if upload.state in OPEN_STATES:
        raise Conflict("The upload was never opened in the store; start again")
    if upload.state == "expired":
        finalized = finalizing.finalize(caller, upload)
        if finalized is not None and finalized.state not in ("expired", *OPEN_STATES):
            return _already_completed(caller, finalized)
    if upload.state in ("aborted", "expired", "rejected"):
        _ended(upload)
    return upload


def _status(caller: Caller, upload: Upload) -> UploadStatus:
    if upload.state in OPEN_STATES and upload.store_upload_id is not None:
        with suppress(storage.NoSuchUpload):
            upload = replace(
                upload, landed_bytes=sum(p.bytes for p in storage.parts(upload.key, upload.store_upload_id))
            )
    if upload.state not in ("stored", "processing", "ready", "failed"):
        return UploadStatus(upload, None)
    others = duplicates.others(caller, upload.version_id)
    try:
        return UploadStatus(upload, media.get(caller, upload.version_id), others)
    except NotFound:  # deleted since
        return UploadStatus(upload, None, others)
