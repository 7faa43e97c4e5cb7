"""take_in(): sniff -> hash, make frames -> put -> record. What `on_video_stored` calls for every message."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from vitrine import media_types, storage
from vitrine.errors import ServiceUnavailable
from vitrine.library import finalizing as finalizing
from vitrine.models.people import Consumer
from vitrine.models.uploads import Stored
from vitrine.settings import settings
from vitrine_imaging import answers, intake
from vitrine_imaging.decoder import Decoder, Decoding, Task
from vitrine_imaging.models import Limits

if TYPE_CHECKING:
    from vitrine.models.uploads import Upload

log = logging.getLogger(__name__)

_BLOCK = 256 * 1024  # bytes that may be asked for at once


def take_in(key: str) -> Upload | None:
    """The upload of a video that landed at this key stands where its bytes let it: ready, failed or rejected.
    None: nothing of ours is there.

    May be called for the same key any number of times, at once, late or early. Raises ServiceUnavailable where trying again
    later may help.
    """
    whose = finalizing.whose(key)
    if whose is None:
        log.warning("a video of no upload")
        return None
    who = Consumer(whose.organization_id)
    begun = intake.begin(who, finalizing.find(who, whose.organization_id, whose.upload_id))
    if not isinstance(begun, intake.Begun):
        return begun
    # not ours: a lost event is sent again to whoever tells them apart
    if begun.found.mime_type not in media_types.VIDEOS:
        log.warning("no video", extra={"upload_id": str(begun.upload.id)})
        return begun.upload
    with frames(begun.stored, begun.found.mime_type) as decoding:
        return intake.finish(begun, intake.sha256_of(begun.stored), decoding.result)


def frames(stored: Stored, mime_type: str, decoder: Decoder | None = None) -> Decoding:
    """What is made of a video in the store, begun; it is read by pieces, and never whole."""
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
    """An object of the store, as the child is given it: what it asks for is believed no more than what it
    answers.
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
            return storage.piece(self._stored, offset, size)
        except (OSError, ValueError) as error:  # or the child would be blamed
            raise ServiceUnavailable("The store is not answering; try again") from error

    @property
    def _most_requests(self) -> int:
        """Pieces may be small where they lie between others: as many again, and some."""
        return 2 * self._most_bytes // _BLOCK + 64


@cache
def _decoder() -> Decoder:
    return Decoder(module="vitrine_video.child")
