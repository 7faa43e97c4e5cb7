"""expire_uploads - expires uploads whose time is over, and sends the messages again that were lost: S3
events, and requests to reprocess.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: what was done to which upload, or version that is reprocessed
Failures  an upload whose bytes have arrived is finalized, not expired; the next run continues one that was
          interrupted
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import sweep

handler = on_schedule("expire_uploads", sweep.end_lapsed, sweep.send_again, sweep.send_reprocessing_again)
