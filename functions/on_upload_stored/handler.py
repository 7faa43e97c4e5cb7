"""on_upload_stored - an object was stored: its upload is finalized, its frames are made, its bytes counted.

Event     SQS, each message an S3 notification of incoming/ or originals/ (or the same sent again by
          expire_uploads)
Response  {"batchItemFailures"}: the messages to be delivered again
Failures  messages are idempotent, and may be late, early or out of order. A file that cannot be decoded, or
          an internal error, is a state of the item and not a failure of the message
"""

from __future__ import annotations

from vitrine.consumers import on_upload
from vitrine.storage import landed_keys
from vitrine_imaging.intake import process_upload

handler = on_upload("on_upload_stored", landed_keys, process_upload)
