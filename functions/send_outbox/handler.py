"""send_outbox - messages that were written with what causes them, and not sent right after it, are sent.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: {"job", "dryRun", "ran", "complete", "counts", "done"}
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import outbox

handler = on_schedule("send_outbox", outbox.send)
