"""purge_deleted - removes permanently what has been in the trash for the retention time: objects, items,
collections.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: the result for each deletion
Failures  a deletion becomes `purging` before anything of it is removed; only rows with its id are removed;
          the next run continues one that was interrupted
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import purge

handler = on_schedule("purge_deleted", purge.purge_due)
