"""on_video_stored - a video has landed and is settled: its frames are made, its bytes counted.

Event     SQS, each message {"key"}: where the upload landed
Response  {"batchItemFailures"}: the messages to come again
Faults    a message may come twice, late or for a video that is done; what cannot be decoded is a state of the
          item, not a failure of the message,
          and so is an internal error
"""

from __future__ import annotations

from vitrine.consumers import named_keys, on_upload
from vitrine_video.intake import process_video

handler = on_upload("on_video_stored", named_keys, process_video)
