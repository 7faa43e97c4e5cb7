"""on_upload_stored - bytes have landed: their item is born, its frames are made, its bytes counted.

Event     SQS, each message an S3 notification of incoming/ or originals/ (or the same sent again by
          expire_uploads)
Response  {"batchItemFailures"}: the messages to come again
Faults    a message may come twice, late, early or out of order; what cannot be decoded is a state of the
          item, not a failure of the message, and so
          is an internal error
"""

from __future__ import annotations

from vitrine.consumers import on_upload
from vitrine.storage import landed_keys
from vitrine_imaging.intake import process_upload

handler = on_upload("on_upload_stored", landed_keys, process_upload)
