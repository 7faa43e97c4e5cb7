"""purge_deleted - removes for good what has been in the trash for its time: objects, items, collections.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: what became of which act of deletion
Faults    an act turns to `purging` before anything of it goes; only what carries the act's id goes; a run
          that dies is gone on with by the next
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import purge

handler = on_schedule("purge_deleted", purge.purge_due)
