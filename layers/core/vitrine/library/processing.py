"""The rules of processing an original: which upload a worker may begin, and what is recorded when it has
finished.

The imaging and video layers decode; they change no row themselves. A worker calls `begin`, decodes, and calls
`finish`, which records the outcome in one transaction: ready with frames, ready without, failed, or rejected.

An event may come twice, late or in any order, so several attempts may run at once. Each attempt writes its
frames under a generation of its own. The transaction that records them locks the item's row and finds the
version still waiting, or the attempt's frames are deleted. Where a version is processed again, the new frames
take the places of the old ones, ordinal by ordinal, in that one transaction. The old objects stay in the
store, and are counted, for as long as a signed URL of them may be used.
"""

from __future__ import annotations

import base64
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine import content, internal_errors, media_types, queries, storage
from vitrine.credentials import mint_id, mint_token
from vitrine.db import Transaction, transaction, write
from vitrine.errors import InternalError, ServiceUnavailable
from vitrine.library import duplicates, file_types, objects, upload_lookup, versions
from vitrine.models.derived import Derived, Picture, Undecodable
from vitrine.models.people import Actor, Consumer
from vitrine.models.uploads import Stored, Upload
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from vitrine.models.media import MediaType

log = logging.getLogger(__name__)

_READING = 60  # seconds at most between reading the frames of an item and signing their URLs


@dataclass(frozen=True, slots=True)
class ProcessingAttempt:
    """One attempt at a version that waits for its frames."""

    actor: Consumer
    upload: Upload
    version: queries.processing.Attempt
    stored: Stored  # the original in the store
    content: content.Content  # read from the original's first bytes


def begin(actor: Consumer, upload: Upload) -> ProcessingAttempt | Upload | None:
    """Return an attempt at the upload's version, when the version waits for frames and its type is accepted;
    otherwise the upload as it then is, or None when its row is gone.

    A file of another type is rejected here. Raises ServiceUnavailable when the original is not in the store.
    """
    if not upload.can_change_to("ready"):
        return upload
    attempts = write(actor, queries.processing.attempt(actor.organization_id, upload.version_id))
    if not attempts:
        return upload_lookup.find(actor, upload.organization_id, upload.id)
    version = attempts[0]
    write(actor, queries.uploads.mark_processing(actor.organization_id, upload.id))

    stored = storage.head(version.key)
    if stored is None:
        raise ServiceUnavailable(f"The original of version {version.id} is not in the store")
    found = content.sniff(storage.read_head(stored, content.HEAD_BYTES))
    reason = file_types.reason_to_reject(found)
    if found is None or reason is not None:
        return _reject(actor, upload, version, reason or file_types.NOT_ACCEPTED)
    return ProcessingAttempt(actor, upload, version, stored, found)


def finish(
    attempt: ProcessingAttempt,
    sha256: bytes | None,
    decode: Callable[[], Derived] | None,
    *,
    too_large: str | None = None,
) -> Upload:
    """Record the outcome of the attempt, and return the upload as it then is.

    The upload is rejected when the bytes do not have the declared SHA-256. Otherwise `decode` makes the
    frames; None: the file has none, and is ready without. The version has failed when `decode` raises
    Undecodable; its reason is `too_large` where that is given. `sha256`: None when the file was too large to
    be hashed.

    Raises InternalError when our own code around a decoder raised it. The version is recorded as failed
    before.
    """
    reason = checksum_mismatch(attempt.upload, sha256)
    if reason is not None:
        return _reject(attempt.actor, attempt.upload, attempt.version, reason)
    if decode is None:
        return record_without_frames(attempt, sha256)
    try:
        derived = decode()
    except Undecodable as undecodable:
        return fail(attempt, sha256, too_large or undecodable.reason)
    except InternalError:
        fail(attempt, sha256, internal_errors.REASON)
        raise  # the consumer logs and counts it, and finds the upload failed already
    return record(attempt, sha256, derived)


def checksum_mismatch(upload: Upload, sha256: bytes | None) -> str | None:
    """Return why the bytes are not those that were declared, or None when they are, or no SHA-256 was
    declared.
    """
    if upload.checksum_kind != "SHA256" or upload.checksum_value is None:
        return None
    if sha256 is None:
        return "The file is too large for the SHA-256 that was declared to be checked"
    if base64.b64encode(sha256).decode() == upload.checksum_value:
        return None
    return "The bytes do not have the SHA-256 that was declared"


def record(attempt: ProcessingAttempt, sha256: bytes | None, derived: Derived) -> Upload:
    """Put frames and thumbnails into the store, then record them. Return the upload, then `ready`.

    The objects are planned in the registry first, so that a crash leaves no object that is not registered.
    """
    frames = _name_frames(attempt, derived)
    pictures: dict[str, Picture] = {}
    for new, frame in zip(frames, derived.frames, strict=True):
        pictures |= {new.key: frame.picture, new.thumbnail_key: frame.thumbnail}

    def plan(db: Transaction) -> None:
        for key in pictures:
            db.queue(
                queries.objects.plan(
                    attempt.actor.organization_id,
                    key,
                    "derived",
                    version=attempt.version.id,
                    upload=attempt.upload.id,
                    generation=attempt.version.generation,
                )
            )

    transaction(attempt.actor, plan)
    try:
        stored = [storage.put(key, picture.data, picture.mime_type) for key, picture in pictures.items()]
        return _record(attempt, sha256, derived=derived, frames=frames, stored=stored)
    except BaseException:
        with suppress(Exception):  # the sweep deletes them later
            _discard_frames(attempt.actor, list(pictures))
        raise


def record_without_frames(attempt: ProcessingAttempt, sha256: bytes | None) -> Upload:
    """Record that the version is ready, and has no frames: a document. Return the upload, then `ready`."""
    return _record(attempt, sha256)


def fail(attempt: ProcessingAttempt, sha256: bytes | None, reason: str) -> Upload:
    """Record that the file could not be decoded. It is kept, listed and counted, with the reason. Return the
    upload, then `failed`.
    """
    return _record(attempt, sha256, failure=reason)


def _name_frames(attempt: ProcessingAttempt, derived: Derived) -> list[queries.frames.NewFrame]:
    """Choose the keys of the frames and thumbnails: derived/{organization}/{version}/{generation}/{name}."""
    version = attempt.version
    base = f"derived/{attempt.actor.organization_id.hex}/{version.id.hex}/{version.generation}"

    def key(name: str, picture: Picture) -> str:
        return f"{base}/{name}-{mint_token()}{media_types.TYPES[picture.mime_type].extension}"

    return [
        queries.frames.NewFrame(
            ordinal,
            key(f"frame{ordinal or ''}", frame.picture),
            frame.picture.mime_type,
            frame.picture.width,
            frame.picture.height,
            key(f"thumbnail{ordinal or ''}", frame.thumbnail),
            frame.thumbnail.width,
            frame.thumbnail.height,
            frame.at_seconds,
            frame.end_seconds,
        )
        for ordinal, frame in enumerate(derived.frames)
    ]


def _record(
    attempt: ProcessingAttempt,
    sha256: bytes | None,
    *,
    derived: Derived | None = None,
    frames: Sequence[queries.frames.NewFrame] = (),
    stored: Sequence[Stored] = (),
    failure: str | None = None,
) -> Upload:
    """Write frames, ledger, counts and states in one transaction, under the lock of the item. The frames are
    deleted when the version does not wait for this attempt any more.
    """
    actor, upload, version = attempt.actor, attempt.upload, attempt.version
    organization = actor.organization_id

    def work(db: Transaction) -> Upload | None:
        locked = _lock_waiting(db, organization, version)
        if locked is None:
            return None
        if failure and locked.processing == "ready":
            return record_failure(db, upload, locked, failure)
        for each in stored:
            if not db.run(queries.objects.mark_live(organization, each)):
                raise ServiceUnavailable("The frames were given up while they were being written")
        for frame in frames:
            db.queue(queries.frames.put_frame(organization, version.id, version.generation, frame, mint_id()))
        db.queue(
            queries.processing.record(
                organization,
                version.id,
                _facts(attempt, sha256, derived),
                processing="failed" if failure else "ready",
                reason=failure,
                generation=version.generation if stored else 0,
            )
        )
        if locked.generation:
            _retire_older_frames(db, organization, version)
        if stored:
            _add_frames_to_ledger(db, organization, version, locked, sum(each.bytes for each in stored))
        media_type = file_types.media_type_of(attempt.content.mime_type)
        show_processed(db, organization, locked, media_type)
        state = queries.uploads.set_state(organization, upload.id, "failed" if failure else "ready", failure)
        recorded = db.run(state)[0]
        duplicates.record(db, organization, locked.collection_id, version.id)
        return recorded

    recorded = transaction(actor, work)
    if recorded is None:
        _discard_frames(actor, [each.key for each in stored])
        recorded = upload_lookup.find(actor, organization, upload.id) or upload
    log.info(
        "upload processed",
        extra={"upload_id": str(upload.id), "media_id": str(version.media_id), "state": recorded.state},
    )
    return recorded


def _lock_waiting(
    db: Transaction, organization: UUID, version: queries.processing.Attempt
) -> queries.versions.LockedVersion | None:
    """Lock the attempt's item and return its version. None: the version is gone, or does not wait for this
    attempt: one that began before the present frames were made has lost against the attempt that made them.
    """
    db.queue(queries.versions.lock_item(organization, version.media_id))
    locked = db.first(queries.versions.get_locked(organization, version.id))
    if locked is None or not locked.awaits_frames or version.generation <= locked.generation:
        return None
    return locked


def _facts(
    attempt: ProcessingAttempt, sha256: bytes | None, derived: Derived | None
) -> queries.processing.Facts:
    found = attempt.content
    if derived is None:
        return queries.processing.Facts(found.mime_type, sha256, found.width_shown, found.height_shown)
    return queries.processing.Facts(
        found.mime_type,
        sha256,
        derived.width,
        derived.height,
        duration=derived.duration,
        placeholder=derived.placeholder,
        perceptual_hash=derived.perceptual_hash,
        colors=derived.colors,
        exif=derived.exif,
        taken_at=derived.taken_at,
        taken_zone=derived.taken_zone,
        codec=derived.codec,
        frame_rate=derived.frame_rate,
    )


def _retire_older_frames(db: Transaction, organization: UUID, version: queries.processing.Attempt) -> None:
    """Delete the rows of surplus old frames. All old objects stay until their signed URLs have expired."""
    db.queue(queries.frames.drop_frames(organization, version.id, but=version.generation))
    readable = settings().read_url_ttl + _READING
    db.queue(queries.objects.retire(organization, version.id, version.generation, seconds=readable))


def _add_frames_to_ledger(
    db: Transaction,
    organization: UUID,
    version: queries.processing.Attempt,
    locked: queries.versions.LockedVersion,
    size: int,
) -> None:
    db.queue(
        queries.ledger.entry(
            organization,
            locked.media_id,
            version.id,
            size,
            0,
            "derived",
            locked.counted_as,
            "frames",
            f"frames:{version.id.hex}:{version.generation}",
        )
    )


def _reject(actor: Consumer, upload: Upload, version: queries.processing.Attempt, reason: str) -> Upload:
    """Delete the version, and its item when the item has no other version. Correct ledger and counts, and
    delete
    the version's objects. Return the upload as it then is: usually `rejected`, with the reason.

    When all other versions of the item are in the trash, the version is kept and set to failed, because the
    item must stay for them. A version that is processed again was accepted once: it stays too, and keeps its
    frames. Nothing changes when the version does not wait any more.
    """
    organization = actor.organization_id

    def work(db: Transaction) -> tuple[Upload, list[str]] | None:
        locked = _lock_waiting(db, organization, version)
        if locked is None:
            return None
        if locked.is_reprocess_requested or not versions.remove_version(db, organization, locked):
            return record_failure(db, upload, locked, reason), []
        marked = db.run(queries.objects.mark_version_deleting(organization, version.id, "rejected"))
        db.queue(
            queries.ledger.entry(
                organization,
                locked.media_id,
                version.id,
                -locked.stored_bytes,
                -1,
                "original",
                locked.counted_as,
                "refused",  # stored in the ledger: the text must not change
                f"refuse:{upload.id.hex}",  # stored in the ledger: the text must not change
            )
        )
        rejected = db.run(queries.uploads.set_state(organization, upload.id, "rejected", reason))[0]
        return rejected, [each.key for each in marked]

    outcome = transaction(actor, work)
    if outcome is None:
        return upload_lookup.find(actor, organization, upload.id) or upload
    rejected, keys = outcome
    for key in keys:
        with suppress(ServiceUnavailable):  # the sweep deletes it later
            objects.discard(actor, organization, key)
    log.info(
        "upload rejected", extra={"upload_id": str(upload.id), "state": rejected.state, "reason": reason}
    )
    return rejected


def _discard_frames(actor: Consumer, keys: list[str]) -> None:
    objects.mark_deleting(actor, actor.organization_id, keys, "not recorded")
    for key in keys:
        objects.discard(actor, actor.organization_id, key)


def verify(actor: Actor, upload: Upload, found: content.Content) -> None:
    """Record type, width and height, as the first bytes of a form upload have them, before its frames are
    made: the item is then listed and counted. Nothing changes when the version was verified before, or is not
    pending.

    Only form uploads are verified early. Their response contains the item, so the item must be readable then.
    An item whose bytes a client puts into the store is listed when a worker has processed it.
    """

    def work(db: Transaction) -> None:
        db.queue(queries.versions.lock_item(upload.organization_id, upload.media_id))
        locked = db.first(queries.versions.get_locked(upload.organization_id, upload.version_id))
        if locked is None or locked.processing != "pending" or locked.verified:
            return
        db.queue(
            queries.processing.verify(
                upload.organization_id, upload.version_id, width=found.width_shown, height=found.height_shown
            )
        )
        media_type = file_types.media_type_of(found.mime_type)
        show_processed(db, upload.organization_id, locked, media_type)

    transaction(actor, work)


# Steps within a transaction that has locked the version's item.


def record_failure(
    db: Transaction, upload: Upload, locked: queries.versions.LockedVersion, reason: str
) -> Upload:
    """Record that a waiting version gets no new frames: it has failed with the reason, or, where it has
    frames, it keeps them and stays ready. Return the upload as it then is.
    """
    organization = upload.organization_id
    keeps_frames = locked.processing == "ready"
    if keeps_frames:
        db.queue(queries.reprocessing.keep_frames(organization, locked.id, reason))
    else:
        db.queue(queries.processing.fail(organization, locked.id, reason))
    versions.show_active(db, organization, locked.media_id)
    state = (
        queries.uploads.set_state(organization, upload.id, "ready", None)
        if keeps_frames
        else queries.uploads.set_state(organization, upload.id, "failed", reason)
    )
    return db.run(state)[0]


def show_processed(
    db: Transaction, organization: UUID, locked: queries.versions.LockedVersion, media_type: MediaType
) -> None:
    """Set the version's type. Then choose again which version the item shows, and count the item by the type
    of that version.
    """
    db.queue(queries.processing.put_type(organization, locked.id, media_type))
    versions.show_active(db, organization, locked.media_id)
