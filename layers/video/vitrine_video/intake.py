"""Processing a video: hash it, make its frames, and hand them to `vitrine.library.processing`.
`on_video_stored` calls `process_video` for every message.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from vitrine import media_types, storage
from vitrine.errors import ServiceUnavailable
from vitrine.library import processing, upload_lookup
from vitrine.models.people import Consumer
from vitrine.models.uploads import Stored
from vitrine.settings import settings
from vitrine_imaging import answers, intake
from vitrine_imaging.decoder import Decoder, Decoding, Task
from vitrine_imaging.models import Limits

if TYPE_CHECKING:
    from vitrine.models.uploads import Upload

log = logging.getLogger(__name__)

_BLOCK = 256 * 1024  # bytes that the child may request at once


def process_video(key: str) -> Upload | None:
    """Process the video whose upload has this key. Return the upload as it then is: ready, failed or
    rejected. None: there is no such upload.

    It may be called for the same key any number of times, at once, late or early. An upload that is not
    finalized yet, or is no video, is left as it is: its own event goes to `on_upload_stored`. Raises
    ServiceUnavailable when another try may succeed: then nothing is recorded.
    """
    reference = upload_lookup.locate(key)
    if reference is None:
        log.warning("a video of no upload")
        return None
    actor = Consumer(reference.organization_id)
    upload = upload_lookup.find(actor, reference.organization_id, reference.id)
    attempt = processing.begin(actor, upload) if upload is not None else None
    if not isinstance(attempt, processing.ProcessingAttempt):
        return attempt
    if attempt.content.mime_type not in media_types.VIDEOS:
        log.warning("no video", extra={"upload_id": str(attempt.upload.id)})
        return attempt.upload
    with frames(attempt.stored, attempt.content.mime_type) as decoding:
        return processing.finish(attempt, intake.sha256_of(attempt.stored), decoding.result)


def frames(stored: Stored, mime_type: str, decoder: Decoder | None = None) -> Decoding:
    """Begin to decode a video in the store, and return the running decoding. The video is read by ranges, and
    never whole.
    """
    chosen = settings()
    task = Task(
        {
            "mime_type": mime_type,
            "size": stored.bytes,
            "frames": min(chosen.video_frames, answers.MOST_FRAMES),
            "max_seconds": chosen.max_video_seconds,
            "read_bytes": chosen.video_read_bytes,
        },
        Pieces(stored, most_bytes=2 * chosen.video_read_bytes),  # a child that dies is replaced once
    )
    limits = Limits(
        max_pixels=chosen.max_video_pixels,
        wall_seconds=chosen.video_seconds,
        memory_bytes=chosen.video_memory,
    )
    return (decoder or _decoder()).begin_task(task, limits=limits)


class Pieces:
    """Reads ranges of an object for the child process. The child decodes untrusted bytes, so each of its
    requests is checked: the range lies within the object, and the number of bytes and of requests is limited.
    """

    def __init__(self, stored: Stored, *, most_bytes: int) -> None:
        self._stored, self._most_bytes = stored, most_bytes
        self.read = 0  # bytes
        self.requests = 0

    def __call__(self, offset: int, size: int) -> bytes:
        beyond = self.read + size > self._most_bytes or self.requests > self._most_requests
        if beyond or not 0 <= offset < self._stored.bytes or not 1 <= size <= _BLOCK:
            raise ValueError("not a piece that our child asks for")
        self.read += size
        self.requests += 1
        try:
            return storage.read_range(self._stored, offset, size)
        except (OSError, ValueError) as error:  # otherwise the decoder would take them for the child's error
            raise ServiceUnavailable("The store is not answering; try again") from error

    @property
    def _most_requests(self) -> int:
        """Twice as many as full blocks would need, because pieces between others are small, and 64 more."""
        return 2 * self._most_bytes // _BLOCK + 64


@cache
def _decoder() -> Decoder:
    return Decoder(module="vitrine_video.child")
