"""on_import_requested - what lies at a URL is fetched, and becomes its item's own.

Event     SQS, each message {"key"}: where the import lands
Response  {"batchItemFailures"}: the messages to come again
Faults    a message may come twice and late; what cannot be fetched is a state of the item, not a failure of the message
"""

from __future__ import annotations

import json

from vitrine.consumers import Message, on_event
from vitrine.library import imports


@on_event
def handler(message: Message) -> None:
    imports.bring(json.loads(message.body)["key"])
