"""What became of an original is recorded: its frames are put and its row says so, or it is refused; in one
transaction each.

Exactly once, whatever the events do: each attempt writes its frames under a generation of its own, and the
transaction that records them
holds the item's row and finds the version still waiting, or throws its own work away. The frames of a version
that was asked for again take the
place of those it had, ordinal by ordinal, in that one transaction; the old objects stay in the store, and
are counted, for as long as a URL of them may be read.
"""

from __future__ import annotations

import base64
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine import media_types, queries, storage
from vitrine.credentials import mint_id, mint_token
from vitrine.db import Transaction, transaction
from vitrine.errors import Busy
from vitrine.library import duplicates, objects
from vitrine.library import finalizing as finalizing
from vitrine.library import versions as family
from vitrine.models.people import Consumer
from vitrine.models.uploads import Stored, Upload
from vitrine.settings import settings

if TYPE_CHECKING:
    from vitrine_imaging.models import Derived, Picture

log = logging.getLogger(__name__)

_READING = 60  # seconds at most from reading what an item shows to signing the URLs of it


@dataclass(frozen=True, slots=True)
class Looked:
    """What the bytes turned out to be."""

    mime_type: str
    width: int | None
    height: int | None
    sha256: bytes | None


def mismatch(upload: Upload, looked: Looked) -> str | None:
    if upload.checksum_kind != "SHA256" or upload.checksum_value is None:
        return None
    if looked.sha256 is None:
        return "The file is too large for the SHA-256 that was declared to be checked"
    declared = upload.checksum_value
    return (
        None
        if base64.b64encode(looked.sha256).decode() == declared
        else "The bytes do not have the SHA-256 that was declared"
    )


def keep(
    who: Consumer, upload: Upload, attempt: queries.processing.Attempt, looked: Looked, derived: Derived
) -> Upload:
    """Frames and thumbnails are put, then recorded: planned before, so that a crash in between leaves
    nothing unknown.
    """
    organization = who.organization_id
    base = f"derived/{organization.hex}/{attempt.id.hex}/{attempt.generation}"

    def key(name: str, picture: Picture) -> str:
        return f"{base}/{name}-{mint_token()}{media_types.TYPES[picture.mime_type].extension}"

    frames = [
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
    pictures: dict[str, Picture] = {}
    for new, frame in zip(frames, derived.frames, strict=True):
        pictures |= {new.key: frame.picture, new.thumbnail_key: frame.thumbnail}

    def plan(db: Transaction) -> None:
        for each in pictures:
            db.queue(
                queries.objects.plan(
                    organization,
                    each,
                    "derived",
                    version=attempt.id,
                    upload=upload.id,
                    generation=attempt.generation,
                )
            )

    transaction(who, plan)
    try:
        stored = [storage.put(each, picture.data, picture.mime_type) for each, picture in pictures.items()]
        return _record(who, upload, attempt, looked, derived=derived, frames=frames, stored=stored)
    except BaseException:
        with suppress(Exception):  # the sweep would do it too, later
            _throw_away(who, list(pictures))
        raise


def keep_without_frames(
    who: Consumer, upload: Upload, attempt: queries.processing.Attempt, looked: Looked
) -> Upload:
    """It is ready as it is."""
    return _record(who, upload, attempt, looked)


def fail(
    who: Consumer, upload: Upload, attempt: queries.processing.Attempt, looked: Looked, reason: str
) -> Upload:
    """Nothing could be made of it; it is kept, listed and counted, with the reason."""
    return _record(who, upload, attempt, looked, failed=reason)


def _record(
    who: Consumer,
    upload: Upload,
    attempt: queries.processing.Attempt,
    looked: Looked,
    *,
    derived: Derived | None = None,
    frames: list[queries.frames.NewFrame] | None = None,
    stored: list[Stored] | None = None,
    failed: str | None = None,
) -> Upload:
    """Frames, ledger, counts and state in one transaction, under the lock of the item. Late or second:
    what was written is thrown away.
    """
    organization = who.organization_id
    mine = stored or []

    def work(db: Transaction) -> Upload | None:
        db.queue(queries.versions.lock_item(organization, attempt.media_id))
        locked = db.first(queries.versions.get_locked(organization, attempt.id))
        if locked is None or not _is_for(locked, attempt):
            return None
        if failed and locked.processing == "ready":
            return finalizing.give_up(db, upload, locked, failed)
        for each in mine:
            if not db.run(queries.objects.live(organization, each)):
                raise Busy("The frames were given up while they were being written")
        for frame in frames or []:
            db.queue(queries.frames.put_frame(organization, attempt.id, attempt.generation, frame, mint_id()))
        db.queue(
            queries.processing.record(
                organization,
                attempt.id,
                _facts(looked, derived),
                processing="failed" if failed else "ready",
                reason=failed,
                generation=attempt.generation if mine else 0,
            )
        )
        if locked.generation:
            db.queue(queries.frames.drop_frames(organization, attempt.id, but=attempt.generation))
            db.queue(
                queries.objects.retire(
                    organization, attempt.id, attempt.generation, seconds=settings().read_url_ttl + _READING
                )
            )
        if mine:
            db.queue(
                queries.ledger.entry(
                    organization,
                    locked.media_id,
                    attempt.id,
                    sum(each.bytes for each in mine),
                    0,
                    "derived",
                    locked.counted_as,
                    "frames",
                    f"frames:{attempt.id.hex}:{attempt.generation}",
                )
            )
        finalizing.show_processed(db, organization, locked, finalizing.media_type_of(looked.mime_type))
        became = db.run(
            queries.uploads.become(organization, upload.id, "failed" if failed else "ready", failed)
        )[0]
        duplicates.record(db, organization, locked.collection_id, attempt.id)
        return became

    recorded = transaction(who, work)
    if recorded is None:
        _throw_away(who, [each.key for each in mine])
        recorded = finalizing.find(who, upload.organization_id, upload.id) or upload
    log.info(
        "upload processed",
        extra={"upload_id": str(upload.id), "media_id": str(attempt.media_id), "state": recorded.state},
    )
    return recorded


def _is_for(locked: queries.versions.LockedVersion, attempt: queries.processing.Attempt) -> bool:
    """Whether the version waits for this attempt: one that began before the frames it has were made is
    too late for what was asked since.
    """
    return locked.awaits_frames and attempt.generation > locked.generation


def _facts(looked: Looked, derived: Derived | None) -> queries.processing.Facts:
    if derived is None:
        return queries.processing.Facts(looked.mime_type, looked.sha256, looked.width, looked.height)
    return queries.processing.Facts(
        looked.mime_type,
        looked.sha256,
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


def reject(who: Consumer, upload: Upload, attempt: queries.processing.Attempt, reason: str) -> Upload:
    """The version goes, its item too if it has no other, and its objects are doomed in one transaction, the
    count compensated; the reason stays with
    the upload. It has failed, and stays, where the item has no other but deleted ones, and where it was kept
    once and is looked at again.
    """
    organization = who.organization_id

    def work(db: Transaction) -> tuple[Upload, list[str]] | None:
        db.queue(queries.versions.lock_item(organization, attempt.media_id))
        locked = db.first(queries.versions.get_locked(organization, attempt.id))
        if locked is None or not _is_for(locked, attempt):
            return None
        if locked.is_reprocess_requested or not family.remove_version(db, organization, locked):
            return finalizing.give_up(db, upload, locked, reason), []
        marked = db.run(queries.objects.mark_version_deleting(organization, attempt.id, "refused"))
        db.queue(
            queries.ledger.entry(
                organization,
                locked.media_id,
                attempt.id,
                -locked.stored_bytes,
                -1,
                "original",
                locked.counted_as,
                "refused",
                f"refuse:{upload.id.hex}",
            )
        )
        return db.run(queries.uploads.become(organization, upload.id, "rejected", reason))[0], [
            each.key for each in marked
        ]

    outcome = transaction(who, work)
    if outcome is None:
        return finalizing.find(who, upload.organization_id, upload.id) or upload
    rejected, keys = outcome
    for key in keys:
        with suppress(Busy):  # the sweep comes again
            objects.discard(who, organization, key)
    log.info("upload refused", extra={"upload_id": str(upload.id), "state": rejected.state, "reason": reason})
    return rejected


def _throw_away(who: Consumer, keys: list[str]) -> None:
    objects.mark_deleting(who, who.organization_id, keys, "not recorded")
    for key in keys:
        objects.discard(who, who.organization_id, key)
