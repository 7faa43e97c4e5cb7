"""POST /api/media/bulk - move, delete, restore, tag or untag up to 1,000 items, files and folders, each
checked on its own.

Body      {"action": "move" | "delete" | "restore" | "tag" | "untag", "ids", "dryRun"?: true to change
          nothing, "destinationPath" to move, "label" and "value" to tag, "label" and "value"? to untag}. Each
          action needs and does what the endpoint for one item does; delete and restore take the scope
          media:delete and the role owner or admin. Items of one collection that are deleted together are one
          deletion: one restore reverses it
Response  {"action", "dryRun", "succeeded", "failed", "deletedCount" or "restoredCount", "results": [{"id",
          "status", "changed", "newPath" or "deletionId", "error" and "code" where the action failed}]}: 200
          whatever the results are; one result for each id, also where it is named twice
Errors    400 an action, id, destination, label or value that cannot be one; 401; 403; 404 the destination is
          missing; 409 more than can be deleted at once. After an error nothing is done
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
    body = request.body()
    return show_bulk(body, bulk.carry_out(caller, body.ids, body.requested_action(), dry_run=body.dryRun))


handler = Mangum(app, lifespan="off")
