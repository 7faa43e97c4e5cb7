"""on_video_stored - a video was stored and its upload is finalized: its frames are made, its bytes counted.

Event     SQS, each message {"key"}: the key of the stored object
Response  {"batchItemFailures"}: the messages to be delivered again
Failures  messages are idempotent, and may be late or for a video that is processed. A file that cannot be
          decoded, or an internal error, is a state of the item and not a failure of the message
"""

from __future__ import annotations

from vitrine.consumers import named_keys, on_upload
from vitrine_video.intake import process_video

handler = on_upload("on_video_stored", named_keys, process_video)
