"""send_outbox - sends the messages that were committed to the outbox and not sent right after the commit.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: {"job", "dryRun", "ran", "complete", "counts", "done"}
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import outbox

handler = on_schedule("send_outbox", outbox.send)
