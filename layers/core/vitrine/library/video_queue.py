"""Videos are processed by a function of their own, which has its own queue, time limit and memory."""

from __future__ import annotations

import json

from vitrine import queues
from vitrine.errors import ServiceUnavailable
from vitrine.settings import settings


def send(key: str) -> None:
    """Send the key of an upload that is a video to `on_video_stored`. It may be sent more than once.

    Raises ServiceUnavailable when the queue does not accept the message.
    """
    if not queues.send_batch(settings().video_stored_queue_url, [json.dumps({"key": key})]):
        raise ServiceUnavailable("The queue of videos takes nothing")
