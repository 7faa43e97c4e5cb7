"""POST /api/media/bulk - move, delete, restore, tag or untag up to 1,000 items, files and folders, each
judged on its own.

Body      {"action": "move" | "delete" | "restore" | "tag" | "untag", "ids", "dryRun"?: true to change
          nothing, "destinationPath" to move, "label" and
          "value" to tag, "label" and "value"? to untag}. What each needs and does is as of the endpoint for
          one item; delete and restore take
          the scope media:delete and the role owner or admin. What is deleted together, of one collection, is
          one act: one restore reverses it
Response  {"action", "dryRun", "succeeded", "failed", "deletedCount" or "restoredCount", "results": [{"id",
          "status", "changed", "newPath" or
          "deletionId", "error" and "code" where it is refused}]}: 200 whatever became of each; one result for
          each id, also where it is named twice
Errors    400 an action, id, destination, label or value that cannot be one; 401; 403; 404 the destination is
          not there; 409 more than can be deleted
          at once. Then nothing is done
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.bulk import Bulk, BulkDone, show_bulk
from vitrine.http.endpoint import Choice, Request, endpoint
from vitrine.library import bulk
from vitrine.models.people import Caller

ACTIONS = Choice(
    "action",
    {
        "move": "media.move",
        "delete": "media.delete",
        "restore": "media.restore",
        "tag": "media.tag",
        "untag": "media.tag",
    },
)


@endpoint(STUDIO, operation="media.bulk", choice=ACTIONS, body=Bulk, returns=BulkDone)
def app(request: Request[Bulk], caller: Caller) -> BulkDone:
    asked = request.body()
    return show_bulk(asked, bulk.carry_out(caller, asked.ids, asked.requested_action(), dry_run=asked.dryRun))


handler = Mangum(app, lifespan="off")
