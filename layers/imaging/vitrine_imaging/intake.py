"""take_in(): settle -> sniff -> hash, decode -> put -> record. What `on_upload_stored` calls for every event.

Exactly once, whatever the events do: each attempt writes its frames under a generation of its own, and the transaction that records them
holds the item's row and finds the version still waiting, or throws its own work away.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vitrine import content, storage
from vitrine.credentials import mint_id, mint_token
from vitrine.db import Transaction, transaction, write
from vitrine.errors import Busy
from vitrine.library import objects, settling
from vitrine.library import versions as family
from vitrine.models import Consumer, MediaType, Stored, Upload
from vitrine.queries import ledger, versions
from vitrine.queries import objects as manifest
from vitrine.queries import uploads as upload_rows
from vitrine.settings import settings
from vitrine_imaging.decoder import Decoder, Decoding
from vitrine_imaging.models import Derived, Limits, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_AHEAD = 4  # chunks that are read and not yet hashed; with fewer the hash waits now and then, with more the processor's cache is left
_BEGINNING = 32 * 1024**2  # bytes of a JPEG after which it is tried
NOT_AN_IMAGE = "The file is not a picture of a type that is taken"


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the bytes turned out to be."""

    mime_type: str
    width: int | None
    height: int | None
    sha256: bytes | None


def take_in(key: str) -> Upload | None:
    """The upload that lands at this key stands where its bytes let it: ready, failed or rejected. None: nothing of ours is there.

    May be called for the same key any number of times, at once, late or early. Raises Busy (and whatever the disk or the decoder's machine
    raises) where trying again later may help: nothing is recorded then.
    """
    whose = settling.whose(key)
    if whose is None:
        log.warning("an object of no upload", extra={"key": key})
        return None
    who = Consumer(whose.organization_id)
    upload = settling.find(who, whose.organization_id, whose.upload_id)
    settled = settling.settle(who, upload) if upload is not None else None
    if settled is None or settled.state not in ("stored", "processing"):
        return settled

    attempts = write(who, versions.attempt(who.organization_id, settled.version_id))
    if not attempts:
        return settling.find(who, settled.organization_id, settled.id)
    write(who, upload_rows.working(who.organization_id, settled.id))
    return _process(who, settled, attempts[0])


def _process(who: Consumer, upload: Upload, attempt: versions.Attempt) -> Upload:
    stored = storage.head(attempt.key)
    if stored is None:
        raise Busy(f"The original of version {attempt.id} is not in the store")
    found = content.sniff(storage.beginning(stored, content.HEAD_BYTES))
    if found is None or found.mime_type not in content.IMAGES_NOW:
        return _refuse(who, upload, attempt, NOT_AN_IMAGE if found is None else f"Files of type {found.mime_type} are not taken")

    with tempfile.TemporaryDirectory(prefix="vitrine-") as folder, ExitStack() as meanwhile:
        sha256, pictures = fetch(stored, found.mime_type, Path(folder) / "original", meanwhile)
        looked = _Looked(found.mime_type, found.width_shown, found.height_shown, sha256)
        refusal = _mismatch(upload, looked)
        if refusal is not None:
            return _refuse(who, upload, attempt, refusal)
        try:
            derived = pictures()
        except Undecodable as undecodable:
            limit = settings().decode_max_bytes
            reason = undecodable.reason if stored.bytes <= limit else f"Pictures are decoded up to {limit} bytes; this one needs more"
            return _record(who, upload, attempt, looked, _media_type(found.kind), failed=reason)
    return _keep(who, upload, attempt, looked, _media_type(found.kind), derived)


def fetch(stored: Stored, mime_type: str, file: Path, meanwhile: ExitStack) -> tuple[bytes | None, Callable[[], Derived]]:
    """The SHA-256 of the whole object (None above the limit), and what waits for its pictures, or raises Undecodable.

    Decoding begins once as much as is ever decoded lies in `file`; of a JPEG, which tells its end, once the beginning does, and nothing is
    written any more when that was enough. It goes on beside the rest of the hash and ends with `meanwhile`, whatever has come of it.
    """
    chosen = settings()
    limits = Limits(max_pixels=chosen.max_pixels, wall_seconds=chosen.decode_seconds)
    hashed = stored.bytes <= chosen.hash_max_bytes
    digest, ahead = hashlib.sha256(), deque[Future[None]]()
    most = min(stored.bytes, chosen.decode_max_bytes)
    enough = min(most, _BEGINNING) if mime_type == "image/jpeg" else most
    written = 0
    decoding: Decoding | None = None
    with file.open("wb") as out, ThreadPoolExecutor(1, "hashing") as beside:
        for chunk in storage.chunks(stored):
            if hashed:  # hashing is what a large file waits for: it always finds the next chunk read
                ahead.append(beside.submit(digest.update, chunk))
                if len(ahead) > _AHEAD:
                    ahead.popleft().result()
            if written < most and not (decoding and decoding.succeeded()):
                written += out.write(chunk[: most - written])
            elif not hashed:
                break
            if decoding is None and written >= enough:
                out.flush()
                decoding = meanwhile.enter_context(_decoder().begin(file, limits=limits))
    if decoding is None:
        raise Busy(f"The store gave less of {stored.key} than it said")
    begun = decoding

    def derived() -> Derived:
        try:
            return begun.result()
        except Undecodable:
            if enough == most:
                raise
        return _decoder().derive(file, limits=limits)  # it may have come to an end that was none: now all is there

    return digest.digest() if hashed else None, derived


def _mismatch(upload: Upload, looked: _Looked) -> str | None:
    if upload.checksum_kind != "SHA256" or upload.checksum_value is None:
        return None
    if looked.sha256 is None:
        return "The file is too large for the SHA-256 that was declared to be checked"
    declared = upload.checksum_value
    return None if base64.b64encode(looked.sha256).decode() == declared else "The bytes do not have the SHA-256 that was declared"


@cache
def _decoder() -> Decoder:
    return Decoder()


def _keep(who: Consumer, upload: Upload, attempt: versions.Attempt, looked: _Looked, media_type: MediaType, derived: Derived) -> Upload:
    """Frame and thumbnail are put, then recorded: planned before, so that a crash in between leaves nothing unknown."""
    organization = who.organization_id
    base = f"derived/{organization.hex}/{attempt.id.hex}/{attempt.generation}"
    pictures = {
        f"{base}/{name}-{mint_token()}{content.TYPES[picture.mime_type].extension}": picture
        for name, picture in (("frame", derived.frame), ("thumbnail", derived.thumbnail))
    }

    def plan(db: Transaction) -> None:
        for key in pictures:
            db.queue(manifest.plan(organization, key, "derived", version=attempt.id, upload=upload.id, generation=attempt.generation))

    transaction(who, plan)
    try:
        stored = [storage.put(key, picture.data, picture.mime_type) for key, picture in pictures.items()]
        frame_key, thumbnail_key = pictures
        frame = versions.NewFrame(
            0,
            frame_key,
            derived.frame.mime_type,
            derived.frame.width,
            derived.frame.height,
            thumbnail_key,
            derived.thumbnail.width,
            derived.thumbnail.height,
        )
        return _record(who, upload, attempt, looked, media_type, derived=derived, frames=[frame], stored=stored)
    except BaseException:
        with suppress(Exception):  # the sweep would do it too, later
            _throw_away(who, list(pictures))
        raise


def _record(
    who: Consumer,
    upload: Upload,
    attempt: versions.Attempt,
    looked: _Looked,
    media_type: MediaType,
    *,
    derived: Derived | None = None,
    frames: list[versions.NewFrame] | None = None,
    stored: list[Stored] | None = None,
    failed: str | None = None,
) -> Upload:
    """Frames, ledger, counts and state in one transaction, under the lock of the item. Late or second: what was written is thrown away."""
    organization = who.organization_id
    mine = stored or []

    def work(db: Transaction) -> Upload | None:
        db.queue(versions.lock_item(organization, attempt.media_id))
        held = db.first(versions.held(organization, attempt.id))
        if held is None or held.processing != "pending":
            return None
        for each in mine:
            if not db.run(manifest.live(organization, each)):
                raise Busy("The frames were given up while they were being written")
        for frame in frames or []:
            db.queue(versions.put_frame(organization, attempt.id, attempt.generation, frame, mint_id()))
        db.queue(
            versions.record(
                organization,
                attempt.id,
                mime_type=looked.mime_type,
                sha256=looked.sha256,
                width=derived.width if derived else looked.width,
                height=derived.height if derived else looked.height,
                placeholder=derived.placeholder if derived else None,
                processing="failed" if failed else "ready",
                reason=failed,
                generation=attempt.generation if mine else 0,
            )
        )
        if mine:
            state: ledger.State = "active" if held.status == "active" else "trash"
            db.queue(
                ledger.entry(
                    organization,
                    held.media_id,
                    attempt.id,
                    sum(each.bytes for each in mine),
                    0,
                    "derived",
                    state,
                    "frames",
                    f"frames:{attempt.id.hex}:{attempt.generation}",
                )
            )
        settling.show_processed(db, organization, held, media_type)
        return db.run(upload_rows.become(organization, upload.id, "failed" if failed else "ready", failed))[0]

    recorded = transaction(who, work)
    if recorded is None:
        _throw_away(who, [each.key for each in mine])
        recorded = settling.find(who, upload.organization_id, upload.id) or upload
    log.info("upload processed", extra={"upload_id": str(upload.id), "media_id": str(attempt.media_id), "state": recorded.state})
    return recorded


def _refuse(who: Consumer, upload: Upload, attempt: versions.Attempt, reason: str) -> Upload:
    """The version goes, its item too if it has no other, and its objects are doomed in one transaction, the count compensated; the reason stays with
    the upload. It has failed, and stays, where the item has no other but deleted ones.
    """
    organization = who.organization_id

    def work(db: Transaction) -> tuple[Upload, list[str]] | None:
        db.queue(versions.lock_item(organization, attempt.media_id))
        held = db.first(versions.held(organization, attempt.id))
        if held is None or held.processing != "pending":
            return None
        if not family.take_out(db, organization, held):
            db.queue(versions.fail(organization, attempt.id, reason))
            family.show(db, organization, held.media_id)
            return db.run(upload_rows.become(organization, upload.id, "failed", reason))[0], []
        doomed = db.run(manifest.doom_version(organization, attempt.id, "refused"))
        state: ledger.State = "active" if held.status == "active" else "trash"
        db.queue(
            ledger.entry(organization, held.media_id, attempt.id, -held.stored_bytes, -1, "original", state, "refused", f"refuse:{upload.id.hex}")
        )
        return db.run(upload_rows.become(organization, upload.id, "rejected", reason))[0], [each.key for each in doomed]

    refused = transaction(who, work)
    if refused is None:
        return settling.find(who, upload.organization_id, upload.id) or upload
    rejected, keys = refused
    for key in keys:
        with suppress(Busy):  # the sweep comes again
            objects.discard(who, organization, key)
    log.info("upload rejected", extra={"upload_id": str(upload.id), "reason": reason})
    return rejected


def _throw_away(who: Consumer, keys: list[str]) -> None:
    objects.doom(who, who.organization_id, keys, "not recorded")
    for key in keys:
        objects.discard(who, who.organization_id, key)


def _media_type(kind: str) -> MediaType:
    return {"video": "video", "document": "pdf"}.get(kind, "image")  # type: ignore[return-value]
