"""take_in(): settle -> sniff -> hash, decode -> put -> record. What `on_upload_stored` calls for every
event; videos it hands on.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vitrine import content, internal_errors, media_types, queries, storage
from vitrine.db import write
from vitrine.errors import Busy, InternalError
from vitrine.library import finalizing as finalizing
from vitrine.library import handover
from vitrine.models.people import Consumer
from vitrine.models.uploads import Stored, Upload
from vitrine.settings import settings
from vitrine_imaging import recording
from vitrine_imaging.decoder import Decoder, Decoding
from vitrine_imaging.models import Derived, Limits, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

# chunks that are read and not yet hashed; with fewer the hash waits now and then, with more the processor's
# cache is left
_AHEAD = 4
_BEGINNING = 32 * 1024**2  # bytes of a JPEG after which it is tried
NOT_TAKEN = "The file is not a picture or video of a type that is taken"


@dataclass(frozen=True, slots=True)
class Begun:
    """One attempt at an upload that waits for its frames: what is in the store, and what its head says."""

    who: Consumer
    upload: Upload
    attempt: queries.processing.Attempt
    stored: Stored
    found: content.Content


def take_in(key: str) -> Upload | None:
    """The upload that lands at this key stands where its bytes let it: ready, failed or rejected. None:
    nothing of ours is there.

    May be called for the same key any number of times, at once, late or early. Raises Busy (and whatever the
    disk or the decoder's machine
    raises) where trying again later may help: nothing is recorded then.
    """
    whose = finalizing.whose(key)
    if whose is None:
        log.warning("an object of no upload", extra={"key": key})
        return None
    who = Consumer(whose.organization_id)
    upload = finalizing.find(who, whose.organization_id, whose.upload_id)
    begun = begin(who, finalizing.finalize(who, upload) if upload is not None else None)
    if not isinstance(begun, Begun):
        return begun
    if begun.found.mime_type in media_types.VIDEOS:
        handover.to_videos(key)
        return begun.upload
    if begun.found.mime_type in media_types.DOCUMENTS:
        # what scripts and entities it has concerns nobody here
        return finish(begun, sha256_of(begun.stored), None)
    return _process(begun)


def begin(who: Consumer, upload: Upload | None) -> Begun | Upload | None:
    """An attempt at the upload, if it waits for its frames and its bytes are of a type that is taken;
    else the upload as it then stands.
    """
    # of a ready one new frames may be wanted
    if upload is None or upload.state not in ("stored", "processing", "ready"):
        return upload
    attempts = write(who, queries.processing.attempt(who.organization_id, upload.version_id))
    if not attempts:
        return finalizing.find(who, upload.organization_id, upload.id)
    attempt = attempts[0]
    write(who, queries.uploads.working(who.organization_id, upload.id))

    stored = storage.head(attempt.key)
    if stored is None:
        raise Busy(f"The original of version {attempt.id} is not in the store")
    found = content.sniff(storage.beginning(stored, content.HEAD_BYTES))
    if found is None or found.mime_type not in content.taken():
        why = (
            NOT_TAKEN
            if found is None
            else f"Files of type {content.described(found.mime_type)} are not taken"
        )
        return recording.reject(who, upload, attempt, why)
    return Begun(who, upload, attempt, stored, found)


def finish(
    begun: Begun,
    sha256: bytes | None,
    pictures: Callable[[], Derived] | None,
    *,
    too_large: str | None = None,
) -> Upload:
    """The upload is recorded as what its bytes are: refused where they are not the declared ones, else with
    what was made of them, or failed with
    the reason (`too_large`, where there is one). `pictures` None: nothing is made of them, and it is ready as
    it is.

    Raises InternalError where our own code around a decoder raised: the upload is recorded as failed then.
    """
    looked = recording.Looked(
        begun.found.mime_type, begun.found.width_shown, begun.found.height_shown, sha256
    )
    rejection = recording.mismatch(begun.upload, looked)
    if rejection is not None:
        return recording.reject(begun.who, begun.upload, begun.attempt, rejection)
    if pictures is None:
        return recording.keep_without_frames(begun.who, begun.upload, begun.attempt, looked)
    try:
        derived = pictures()
    except Undecodable as undecodable:
        return recording.fail(begun.who, begun.upload, begun.attempt, looked, too_large or undecodable.reason)
    except InternalError:
        recording.fail(begun.who, begun.upload, begun.attempt, looked, internal_errors.REASON)
        raise  # to be logged and counted by the function, which finds the upload failed
    return recording.keep(begun.who, begun.upload, begun.attempt, looked, derived)


def _process(begun: Begun) -> Upload:
    limit = settings().decode_max_bytes
    too_large = (
        f"Pictures are decoded up to {limit} bytes; this one needs more"
        if begun.stored.bytes > limit
        else None
    )
    with tempfile.TemporaryDirectory(prefix="vitrine-") as folder, ExitStack() as meanwhile:
        sha256, pictures = fetch(begun.stored, begun.found.mime_type, Path(folder) / "original", meanwhile)
        return finish(begun, sha256, pictures, too_large=too_large)


class Digest:
    """The SHA-256 of an object that is read chunk by chunk, made beside the reading; None above the limit."""

    def __init__(self, stored: Stored) -> None:
        self.wanted = stored.bytes <= settings().hash_max_bytes
        self._digest = hashlib.sha256()
        self._ahead = deque[Future[None]]()
        self._beside = ThreadPoolExecutor(1, "hashing")

    def take(self, chunk: bytes) -> None:
        if self.wanted:  # hashing is what a large file waits for: it always finds the next chunk read
            self._ahead.append(self._beside.submit(self._digest.update, chunk))
            if len(self._ahead) > _AHEAD:
                self._ahead.popleft().result()

    def value(self) -> bytes | None:
        """Once its block has ended."""
        return self._digest.digest() if self.wanted else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beside.shutdown()


def sha256_of(stored: Stored) -> bytes | None:
    """Of the whole object; None above the limit, where nothing is read."""
    with Digest(stored) as digest:
        for chunk in storage.chunks(stored) if digest.wanted else ():
            digest.take(chunk)
    return digest.value()


def fetch(
    stored: Stored, mime_type: str, file: Path, meanwhile: ExitStack
) -> tuple[bytes | None, Callable[[], Derived]]:
    """The SHA-256 of the whole object (None above the limit), and what waits for its pictures, or raises
    Undecodable.

    Decoding begins once as much as is ever decoded lies in `file`; of a JPEG, which tells its end, once the
    beginning does, and nothing is
    written any more when that was enough. It goes on beside the rest of the hash and ends with `meanwhile`,
    whatever has come of it.
    """
    chosen = settings()
    limits = Limits(
        chosen.max_pixels,
        chosen.max_animation_pixels,
        chosen.decode_seconds,
        chosen.decode_memory,
        chosen.keep_gps,
    )
    most = min(stored.bytes, chosen.decode_max_bytes)
    enough = min(most, _BEGINNING) if mime_type == "image/jpeg" else most
    written = 0
    decoding: Decoding | None = None
    with file.open("wb") as out, Digest(stored) as digest:
        for chunk in storage.chunks(stored):
            digest.take(chunk)
            if written < most and not (decoding and decoding.succeeded()):
                written += out.write(chunk[: most - written])
            elif not digest.wanted:
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
        # it may have come to an end that was none: now all is there
        return _decoder().derive(file, limits=limits)

    return digest.value(), derived


@cache
def _decoder() -> Decoder:
    return Decoder()
