"""Processing the original of an upload: read, hash and decode it, and hand what was made to
`vitrine.library.processing`. `on_upload_stored` calls `process_upload` for every event; videos go on to a
queue of their own.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vitrine import media_types, storage
from vitrine.errors import ServiceUnavailable
from vitrine.library import finalizing, processing, upload_lookup, video_queue
from vitrine.models.derived import Derived, Undecodable
from vitrine.models.people import Consumer
from vitrine.models.uploads import Stored, Upload
from vitrine.settings import settings
from vitrine_imaging.decoder import Decoder, Decoding
from vitrine_imaging.models import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

# Chunks that are read and not yet hashed. With fewer, hashing waits now and then; with more, they do not fit
# into the processor's cache.
_AHEAD = 4
_BEGINNING = 32 * 1024**2  # bytes of a JPEG after which decoding is tried


def process_upload(key: str) -> Upload | None:
    """Finalize the upload whose object has this key, and process its original. Return the upload as it then
    is: ready, failed or rejected; a video is queued and not processed yet. None: there is no such upload, or
    no object.

    It may be called for the same key any number of times, at once, late or early. Raises ServiceUnavailable
    (and errors of the disk or of the machine that decodes) when another try may succeed: then nothing is
    recorded.
    """
    reference = upload_lookup.locate(key)
    if reference is None:
        log.warning("an object of no upload", extra={"key": key})
        return None
    actor = Consumer(reference.organization_id)
    upload = finalizing.finalize(actor, reference)
    attempt = processing.begin(actor, upload) if upload is not None else None
    if not isinstance(attempt, processing.ProcessingAttempt):
        return attempt
    if attempt.content.mime_type in media_types.VIDEOS:
        video_queue.send(key)
        return attempt.upload
    if attempt.content.mime_type in media_types.DOCUMENTS:
        # The document is never opened, so its scripts and entities do not matter.
        return processing.finish(attempt, sha256_of(attempt.stored), None)
    return _process_still(attempt)


def _process_still(attempt: processing.ProcessingAttempt) -> Upload:
    limit = settings().decode_max_bytes
    too_large = (
        f"Pictures are decoded up to {limit} bytes; this one needs more"
        if attempt.stored.bytes > limit
        else None
    )
    with tempfile.TemporaryDirectory(prefix="vitrine-") as folder, ExitStack() as stack:
        file = Path(folder) / "original"
        sha256, decode = read_and_decode(attempt.stored, attempt.content.mime_type, file, stack)
        return processing.finish(attempt, sha256, decode, too_large=too_large)


class Digest:
    """The SHA-256 of an object that is read chunk by chunk, computed in a thread beside the reading. None for
    an object above `hash_max_bytes`.
    """

    def __init__(self, stored: Stored) -> None:
        self.wanted = stored.bytes <= settings().hash_max_bytes
        self._digest = hashlib.sha256()
        self._ahead = deque[Future[None]]()
        self._thread = ThreadPoolExecutor(1, "hashing")

    def update(self, chunk: bytes) -> None:
        # For a large file hashing is the slowest step, so the next chunk is always read already.
        if self.wanted:
            self._ahead.append(self._thread.submit(self._digest.update, chunk))
            if len(self._ahead) > _AHEAD:
                self._ahead.popleft().result()

    def value(self) -> bytes | None:
        """To be called when the `with` block has ended."""
        return self._digest.digest() if self.wanted else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()


def sha256_of(stored: Stored) -> bytes | None:
    """Return the SHA-256 of the whole object. None above `hash_max_bytes`: then nothing is read."""
    with Digest(stored) as digest:
        for chunk in storage.read_chunks(stored) if digest.wanted else ():
            digest.update(chunk)
    return digest.value()


def read_and_decode(
    stored: Stored, mime_type: str, file: Path, stack: ExitStack
) -> tuple[bytes | None, Callable[[], Derived]]:
    """Read a still into `file`, hash it, and begin to decode it. Return the SHA-256 of the whole object (None
    above `hash_max_bytes`), and a function that waits for the frames; it raises Undecodable.

    Decoding begins as soon as `file` has all the bytes that are ever decoded (`decode_max_bytes`), and runs
    beside the rest of the hashing. A JPEG marks its own end, so its decoding begins after the first 32 MiB;
    when they were enough, nothing more is written. The decoding is stopped when `stack` is closed.
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
        for chunk in storage.read_chunks(stored):
            digest.update(chunk)
            if written < most and not (decoding and decoding.succeeded()):
                written += out.write(chunk[: most - written])
            elif not digest.wanted:
                break
            if decoding is None and written >= enough:
                out.flush()
                decoding = stack.enter_context(_decoder().begin(file, limits=limits))
    if decoding is None:
        raise ServiceUnavailable(f"The store gave less of {stored.key} than it said")
    first = decoding

    def derived() -> Derived:
        try:
            return first.result()
        except Undecodable:
            if enough == most:
                raise
        # The first bytes of the JPEG were not enough. By now the file is complete.
        return _decoder().derive(file, limits=limits)

    return digest.value(), derived


@cache
def _decoder() -> Decoder:
    return Decoder()
