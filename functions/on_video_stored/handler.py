"""on_video_stored - a video has landed and is settled: its frames are made, its bytes counted.

Event     SQS, each message {"key"}: where the upload landed
Response  {"batchItemFailures"}: the messages to come again
Faults    a message may come twice, late or for a video that is done; what cannot be decoded is a state of the item, not a failure of the message
"""

from __future__ import annotations

import json

from vitrine.consumers import Message, on_event
from vitrine_video.intake import take_in


@on_event
def handler(message: Message) -> None:
    take_in(json.loads(message.body)["key"])
