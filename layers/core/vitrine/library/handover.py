"""Videos go on to a function of their own, with its own queue, time and memory."""

from __future__ import annotations

import json

from vitrine import queues
from vitrine.errors import ServiceUnavailable
from vitrine.settings import settings


def to_videos(key: str) -> None:
    """Whoever makes frames of videos is told of the upload that landed at this key, perhaps more than once.

    Raises ServiceUnavailable where its queue takes nothing.
    """
    if not queues.send_batch(settings().video_stored_queue_url, [json.dumps({"key": key})]):
        raise ServiceUnavailable("The queue of videos takes nothing")
