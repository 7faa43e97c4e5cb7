"""expire_uploads - ends upload sessions whose time is over, and sends again what a lost event, or a lost
request to reprocess, left standing.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: what was done to which upload, or version that is reprocessed
Faults    bytes that landed are settled, not ended; a run that dies is gone on with by the next
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import sweep

handler = on_schedule("expire_uploads", sweep.end_lapsed, sweep.send_again, sweep.ask_again)
