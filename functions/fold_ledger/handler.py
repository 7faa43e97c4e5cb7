"""fold_ledger - adds the new entries of the ledgers of bytes and counts to their sums, in batches.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: {"job", "dryRun", "ran", "complete", "counts", "done"}
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import ledger

handler = on_schedule("fold_ledger", ledger.fold_storage, ledger.fold_counts)
