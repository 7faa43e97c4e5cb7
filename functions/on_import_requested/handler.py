"""on_import_requested - the file at a URL is fetched and stored as the file of its item.

Event     SQS, each message {"key"}: the key that the import writes to
Response  {"batchItemFailures"}: the messages to be delivered again
Failures  messages are idempotent, and may be late. A file that cannot be fetched, or an internal error, is a
          state of the item and not a failure of the message
"""

from __future__ import annotations

from vitrine.consumers import named_keys, on_upload
from vitrine.library import imports

handler = on_upload("on_import_requested", named_keys, imports.fetch_import)
