"""take_in(): settle -> sniff -> hash, decode -> put -> record. What `on_upload_stored` calls for every event."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vitrine import content, storage
from vitrine.db import write
from vitrine.errors import Busy
from vitrine.library import settling
from vitrine.models import Consumer, Stored, Upload
from vitrine.queries import uploads as upload_rows
from vitrine.queries import versions
from vitrine.settings import settings
from vitrine_imaging import recording
from vitrine_imaging.decoder import Decoder, Decoding
from vitrine_imaging.models import Derived, Limits, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_AHEAD = 4  # chunks that are read and not yet hashed; with fewer the hash waits now and then, with more the processor's cache is left
_BEGINNING = 32 * 1024**2  # bytes of a JPEG after which it is tried
NOT_AN_IMAGE = "The file is not a picture of a type that is taken"


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
    if settled is None or settled.state not in ("stored", "processing", "ready"):  # of a ready one new frames may be wanted
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
    if found is None or found.mime_type not in content.taken():
        return recording.refuse(who, upload, attempt, NOT_AN_IMAGE if found is None else f"Files of type {found.mime_type} are not taken")
    if found.mime_type in content.DOCUMENTS:
        return _keep_document(who, upload, attempt, stored, found.mime_type)

    with tempfile.TemporaryDirectory(prefix="vitrine-") as folder, ExitStack() as meanwhile:
        sha256, pictures = fetch(stored, found.mime_type, Path(folder) / "original", meanwhile)
        looked = recording.Looked(found.mime_type, found.width_shown, found.height_shown, sha256)
        refusal = recording.mismatch(upload, looked)
        if refusal is not None:
            return recording.refuse(who, upload, attempt, refusal)
        try:
            derived = pictures()
        except Undecodable as undecodable:
            limit = settings().decode_max_bytes
            reason = undecodable.reason if stored.bytes <= limit else f"Pictures are decoded up to {limit} bytes; this one needs more"
            return recording.fail(who, upload, attempt, looked, reason)
    return recording.keep(who, upload, attempt, looked, derived)


def _keep_document(who: Consumer, upload: Upload, attempt: versions.Attempt, stored: Stored, mime_type: str) -> Upload:
    """Its head is all of it that was ever looked at: what scripts and entities it has concerns nobody here."""
    looked = recording.Looked(mime_type, None, None, _hashed(stored))
    refusal = recording.mismatch(upload, looked)
    if refusal is not None:
        return recording.refuse(who, upload, attempt, refusal)
    return recording.keep_without_frames(who, upload, attempt, looked)


def _hashed(stored: Stored) -> bytes | None:
    if stored.bytes > settings().hash_max_bytes:
        return None
    digest = hashlib.sha256()
    for chunk in storage.chunks(stored):
        digest.update(chunk)
    return digest.digest()


def fetch(stored: Stored, mime_type: str, file: Path, meanwhile: ExitStack) -> tuple[bytes | None, Callable[[], Derived]]:
    """The SHA-256 of the whole object (None above the limit), and what waits for its pictures, or raises Undecodable.

    Decoding begins once as much as is ever decoded lies in `file`; of a JPEG, which tells its end, once the beginning does, and nothing is
    written any more when that was enough. It goes on beside the rest of the hash and ends with `meanwhile`, whatever has come of it.
    """
    chosen = settings()
    limits = Limits(chosen.max_pixels, chosen.max_animation_pixels, chosen.decode_seconds, chosen.decode_memory, chosen.keep_gps)
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


@cache
def _decoder() -> Decoder:
    return Decoder()
