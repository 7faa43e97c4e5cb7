"""sweep_orphans - deletes unused objects from the store: those marked for deletion or replaced, those never
finalized, uploads without a session.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: what was done to each object
Failures  works from the rows of the object registry, after a grace period; each row is checked again in the
          transaction that marks it for deletion
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import sweep

handler = on_schedule(
    "sweep_orphans", sweep.clear_planned, sweep.discard_retired, sweep.delete_marked, sweep.abort_unwanted
)
