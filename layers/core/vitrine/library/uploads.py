"""Uploads from their creation to an item that waits for its frames.

A client puts the bytes straight into the store, with a signed form (small files) or in signed parts.
Complete, the store's event and the sweep call `finalizing.finalize`, whichever finds the object first;
exactly one item results.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from vitrine import queries, storage
from vitrine.credentials import mint_id
from vitrine.db import Transaction, read, read_all, transaction, write
from vitrine.errors import Conflict, Invalid, NotFound, ServiceUnavailable, TooLarge, Unprocessable
from vitrine.library import duplicates, finalizing, media, new_uploads, objects, quotas
from vitrine.models.uploads import MAX_PART, MAX_PARTS, Part, SignedPart, SignedPost, Upload
from vitrine.permissions import ADMINS
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.library.new_uploads import NewUpload
    from vitrine.models.duplicates import IdenticalVersion
    from vitrine.models.media import Media
    from vitrine.models.people import Caller

# Of an upload that declared no size: after so many signed parts the size of what has landed is checked again.
WATCH_EVERY = 100


@dataclass(frozen=True, slots=True)
class PostedUpload:
    upload: Upload
    post: SignedPost


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """The state of an upload, with its item once that can be seen."""

    upload: Upload
    media: Media | None
    # versions with the same SHA-256, ten at most; empty until it is known
    others: tuple[IdenticalVersion, ...] = ()


def create_post(caller: Caller, wanted: NewUpload) -> PostedUpload:
    """Create an upload, and sign the form that puts its bytes into `incoming/`.

    Without a declared size the form allows the most that a form may have, but no more than is left of the
    quota. Raises Invalid, NotFound (collection, folder, item), TooLarge (limit or quota), Conflict (too many
    versions).
    """
    chosen = settings()
    most = min(chosen.post_max_bytes, chosen.max_upload_bytes)
    if (wanted.declared_bytes or most) > MAX_PART:
        raise TooLarge(f"A file of more than {MAX_PART} bytes is uploaded in parts")
    upload_id = mint_id()
    upload = new_uploads.insert(
        caller,
        wanted,
        "post",
        upload_id=upload_id,
        key=f"incoming/{upload_id.hex}",
        undeclared=most,
        lifetime=chosen.post_url_ttl + chosen.landing_seconds,
    )
    post = storage.sign_post(
        upload.key,
        mime_type=new_uploads.declared_type(wanted.mime_type) or new_uploads.ANY_TYPE,
        smallest=wanted.declared_bytes or 1,
        largest=upload.reserved_bytes,
    )
    return PostedUpload(upload, post)


def create_multipart(caller: Caller, wanted: NewUpload) -> Upload:
    """Create an upload, and the store's multipart upload behind it.

    Raises Invalid, NotFound (collection, folder, item), TooLarge (limit or quota), Conflict (too many
    versions, or the upload was aborted meanwhile).
    """
    version_id = mint_id()
    key = new_uploads.mint_original_key(caller.organization_id, version_id)
    upload = new_uploads.insert(
        caller,
        wanted,
        "multipart",
        upload_id=mint_id(),
        key=key,
        version_id=version_id,
        lifetime=settings().upload_ttl,
    )

    kind = wanted.checksum[0] if wanted.checksum else "CRC64NVME"
    store_upload_id = storage.create_multipart(
        key, checksum_kind="CRC32C" if kind == "CRC32C" else "CRC64NVME"
    )
    opened = write(
        caller, queries.uploads.set_store_upload(caller.organization_id, upload.id, store_upload_id)
    )
    if not opened:
        storage.abort(key, store_upload_id)
        raise Conflict("The upload was ended while it was being opened")
    return opened[0]


def parts(caller: Caller, upload_id: UUID, key: str) -> list[Part]:
    """Return the parts that are in the store. Raises NotFound, Conflict when the upload is not open."""
    upload = _find(caller, upload_id, key)
    store_upload_id = _multipart_id(upload)
    try:
        return storage.list_parts(upload.key, store_upload_id)
    except storage.NoSuchUpload:
        finalized = finalizing.finalize(caller, upload.reference)
        raise_ended(finalized or upload)


def sign_part(
    caller: Caller,
    upload_id: UUID,
    key: str,
    number: int,
    *,
    size: int | None = None,
    checksum: str | None = None,
) -> SignedPart:
    """Return a URL that puts one part, valid for minutes. `size` in bytes and `checksum` (CRC64NVME, base64)
    are signed where given.

    Raises NotFound, Invalid, Conflict when the upload is not open, TooLarge.
    """
    if size is not None and not 1 <= size <= MAX_PART:
        raise Invalid(f"A part has between 1 and {MAX_PART} bytes")
    upload, store_upload_id = _count_signed_parts(caller, upload_id, key, [number])
    return storage.sign_part(upload.key, store_upload_id, number, size=size, checksum=checksum)


def sign_parts(caller: Caller, upload_id: UUID, key: str, numbers: Sequence[int]) -> dict[int, SignedPart]:
    """Return URLs for up to a hundred parts, by part number.

    Raises NotFound, Invalid, Conflict when the upload is not open, TooLarge.
    """
    if not 1 <= len(numbers) <= 100:
        raise Invalid("Between 1 and 100 parts can be signed at once")
    upload, store_upload_id = _count_signed_parts(caller, upload_id, key, numbers, watch=True)
    return {number: storage.sign_part(upload.key, store_upload_id, number) for number in numbers}


def complete(caller: Caller, upload_id: UUID, key: str, chosen: Sequence[tuple[int, str]]) -> Upload:
    """Join the parts (number, ETag) into one object and finalize the upload. Without parts, all that are in
    the store are joined.

    Idempotent: a repeated call returns the same. Raises ServiceUnavailable while another call completes the
    upload, Invalid when the parts are not those in the store, Unprocessable when the bytes were rejected,
    Conflict when the upload was aborted or has expired.
    """
    upload = _find(caller, upload_id, key)
    if upload.method != "multipart":
        raise Conflict("This upload completes itself when its form is posted")
    lease_id = mint_id()
    leased = write(
        caller,
        queries.uploads.lease(
            upload.organization_id, upload.id, "multipart", lease_id, settings().complete_lease, caller
        ),
    )
    if not leased:
        return _completed_before(caller, _find(caller, upload_id, key))
    upload = leased[0]
    assert upload.store_upload_id is not None

    def release() -> None:
        write(caller, queries.uploads.release(upload.organization_id, upload.id, lease_id))

    try:
        joined = list(chosen) or [
            (part.number, part.etag) for part in storage.list_parts(upload.key, upload.store_upload_id)
        ]
        if not joined:
            release()
            raise Invalid("No part has been uploaded yet")
        checksum = (
            (upload.checksum_kind, upload.checksum_value)
            if upload.checksum_kind and upload.checksum_value
            else None
        )
        storage.complete(
            upload.key, upload.store_upload_id, joined, size=upload.declared_bytes, checksum=checksum
        )
    except (storage.NoSuchUpload, storage.ConditionFailed, storage.NoSuchObject):
        pass  # completed before, or gone: whether the object exists decides below
    except storage.WrongChecksum:
        rejected = finalizing.reject(caller, upload, "The bytes do not have the checksum that was declared")
        with suppress(ServiceUnavailable):
            storage.abort(upload.key, upload.store_upload_id)
        raise_ended(rejected)
    except storage.WrongParts as wrong:
        release()
        raise Invalid(f"The store refused the parts: {wrong}", code="invalid_parts") from wrong
    except ServiceUnavailable:
        with suppress(ServiceUnavailable):
            release()
        raise

    finalized = finalizing.finalize(caller, upload.reference)
    if finalized is not None:
        return _completed_before(caller, finalized)
    release()
    raise Conflict("The store no longer knows this upload; start again", code="upload_lost")


def abort(caller: Caller, upload_id: UUID, key: str) -> None:
    """End the upload and delete its bytes from the store. Raises NotFound; ServiceUnavailable while it is
    completed.
    """
    upload = _find(caller, upload_id, key)
    if upload.state == "completing":
        raise ServiceUnavailable("The upload is being completed")

    aborted = abort_row(caller, upload)
    if aborted is None and _find(caller, upload_id, key).state == "completing":
        raise ServiceUnavailable("The upload is being completed")
    if aborted is not None or upload.state == "aborted":
        if upload.store_upload_id is not None:
            storage.abort(upload.key, upload.store_upload_id)
        objects.discard(caller, upload.organization_id, upload.key)


def by_version(caller: Caller, version: UUID) -> UploadStatus:
    """Return the status of the upload that made, or will make, this version. Raises NotFound."""
    found = read(caller, queries.uploads.by_version(caller.organization_id, version))
    return _status(caller, _visible(caller, found))


def by_key(caller: Caller, key: str) -> UploadStatus:
    """Return the status of the upload whose object has this key. Raises NotFound."""
    found = read(caller, queries.uploads.by_key(caller.organization_id, key))
    return _status(caller, _visible(caller, found))


def abort_row(caller: Caller, upload: Upload) -> Upload | None:
    """Set an open upload to `aborted` and mark its object for deletion. None: it was not open, or it is being
    completed.
    """

    def work(db: Transaction) -> Upload | None:
        aborted = db.first(queries.uploads.abort(upload.organization_id, upload.id))
        if aborted is not None:
            db.queue(queries.objects.mark_deleting(upload.organization_id, [upload.key], "aborted"))
        return aborted

    return transaction(caller, work)


_ENDED = {
    "aborted": "The upload was aborted",
    "expired": "The upload has expired; start again",
    "rejected": "The file was refused",
    "failed": "The file could not be processed",
}


def raise_ended(upload: Upload) -> NoReturn:
    """Raise the error of a call on an upload that has ended: Unprocessable with the reason when it was
    rejected, Conflict otherwise.
    """
    sentence = _ENDED.get(upload.state, "The upload is complete")
    if upload.state == "rejected":
        raise Unprocessable(f"{sentence}: {upload.reason}", code="upload_rejected")
    raise Conflict(sentence, code=f"upload_{upload.state}")


def _find(caller: Caller, upload_id: UUID, key: str) -> Upload:
    """Return the upload with this id and key. Raises NotFound, also when it is another person's."""
    upload = _visible(caller, read(caller, queries.uploads.by_id(caller.organization_id, upload_id)))
    if upload.key != key:
        raise NotFound("Upload not found")
    return upload


def _visible(caller: Caller, found: Sequence[Upload]) -> Upload:
    """Return the upload when the caller made it or is an admin. Raises NotFound."""
    if not found or (found[0].user_id != caller.user_id and caller.role not in ADMINS):
        raise NotFound("Upload not found")
    return found[0]


def _multipart_id(upload: Upload) -> str:
    """Return the store's id of the open upload's multipart upload. Raises Conflict when the upload has ended
    or has no parts, Unprocessable when it was rejected.
    """
    if not upload.is_open:
        raise_ended(upload)
    if upload.store_upload_id is None:
        raise Conflict("This upload has no parts: it is posted as a form")
    return upload.store_upload_id


def _count_signed_parts(
    caller: Caller, upload_id: UUID, key: str, numbers: Sequence[int], *, watch: bool = False
) -> tuple[Upload, str]:
    """Record that these parts are about to be signed, which postpones the upload's expiry. Return the upload
    and the store's id of it.

    When the upload declared no size, the size of what has landed is checked, now and then or at once
    (`watch`).
    """
    if any(not 1 <= number <= MAX_PARTS for number in numbers):
        raise Invalid(f"Parts are numbered from 1 to {MAX_PARTS}")
    upload = _find(caller, upload_id, key)
    store_upload_id = _multipart_id(upload)
    signed = write(
        caller,
        queries.uploads.sign(upload.organization_id, upload.id, len(numbers), settings().upload_ttl, caller),
    )
    if not signed:
        if upload.state == "completing":
            raise ServiceUnavailable("The upload is being completed")
        raise_ended(replace(upload, state="expired") if upload.is_open else upload)
    upload = signed[0]
    if upload.declared_bytes is None and (watch or upload.signed_parts % WATCH_EVERY == 0):
        _check_landed_size(caller, upload, store_upload_id)
    return upload, store_upload_id


def _check_landed_size(caller: Caller, upload: Upload, store_upload_id: str) -> None:
    """Abort an upload that declared no size when its parts exceed the limit or the quota. Raises TooLarge
    then.
    """
    try:
        size = sum(part.bytes for part in storage.list_parts(upload.key, store_upload_id))
    except storage.NoSuchUpload:
        return
    _, measured = read_all(
        caller,
        queries.uploads.set_landed_bytes(upload.organization_id, upload.id, size),
        queries.uploads.quota(upload.organization_id, upload.id),
    )
    limit = settings().max_upload_bytes
    over_quota = quotas.reason_to_reject(measured[0], size)
    if over_quota is not None or size > limit:
        abort(caller, upload.id, upload.key)
        raise TooLarge(
            over_quota or f"The file has more than {limit} bytes, the limit",
            code=quotas.CODE if over_quota else None,
        )


def _completed_before(caller: Caller, upload: Upload) -> Upload:
    """Return an upload that was completed before, or raise the error of its state. One that expired is
    finalized if its bytes have landed after all.
    """
    if upload.state == "completing":
        raise ServiceUnavailable("The upload is being completed", retry_after=2)
    if upload.is_open:
        raise Conflict("The upload was never opened in the store; start again")
    if upload.state == "expired":
        finalized = finalizing.finalize(caller, upload.reference)
        if finalized is not None and not finalized.accepts_object:
            return _completed_before(caller, finalized)
    if not upload.has_version:
        raise_ended(upload)
    return upload


def _status(caller: Caller, upload: Upload) -> UploadStatus:
    if upload.is_open and upload.store_upload_id is not None:
        with suppress(storage.NoSuchUpload):
            landed = sum(part.bytes for part in storage.list_parts(upload.key, upload.store_upload_id))
            upload = replace(upload, landed_bytes=landed)
    if not upload.has_version:
        return UploadStatus(upload, None)
    others = duplicates.list_identical(caller, upload.version_id)
    try:
        return UploadStatus(upload, media.get(caller, upload.version_id), others)
    except NotFound:  # deleted since
        return UploadStatus(upload, None, others)
