"""on_import_requested - what lies at a URL is fetched, and becomes its item's own.

Event     SQS, each message {"key"}: where the import lands
Response  {"batchItemFailures"}: the messages to come again
Faults    a message may come twice and late; what cannot be fetched is a state of the item, not a failure of
          the message, and so is an internal error
"""

from __future__ import annotations

from vitrine.consumers import named_keys, on_upload
from vitrine.library import imports

handler = on_upload("on_import_requested", named_keys, imports.fetch_import)
