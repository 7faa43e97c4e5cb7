"""sweep_orphans - takes out of the store what nothing shows: what was doomed or replaced, objects that never
came to live, uploads without a session.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: what was done to which object
Faults    works from the manifest's own rows, after a grace; everything is looked at again in the transaction
          that dooms it
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import sweep

handler = on_schedule(
    "sweep_orphans", sweep.clear_planned, sweep.discard_retired, sweep.delete_marked, sweep.abort_unwanted
)
