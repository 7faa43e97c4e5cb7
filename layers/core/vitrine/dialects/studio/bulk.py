"""One action on many items."""

from __future__ import annotations

from typing import Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from vitrine import models
from vitrine.dialects.formats import Id, Input
from vitrine.errors import Invalid, Issue


class Bulk(Input):
    """POST /api/media/bulk: each item is checked on its own."""

    action: Literal["move", "delete", "restore", "tag", "untag"]
    ids: list[Id] = Field(min_length=1, max_length=1000)
    dryRun: bool = Field(False, description="report what each would become, and change nothing")
    destinationPath: str = Field(
        default_factory=str, description="to move: the folder, or the collection, as browse returns it"
    )
    label: str = Field(default_factory=str, description="to tag and untag: the group")
    value: str = Field(
        default_factory=str, description="to tag; to untag, all of the group when it is absent"
    )

    def requested_action(self) -> models.bulk.Action:
        """Return the action with its arguments. Raises Invalid when a field that the action needs was not
        sent.
        """
        match self.action:
            case "move":
                return models.bulk.Move(self._required("destinationPath"))
            case "delete":
                return models.bulk.Delete()
            case "restore":
                return models.bulk.Restore()
            case "tag":
                return models.bulk.AddTag(self._required("label"), self._required("value"))
            case "untag":  # an empty value is rejected, so that it does not remove a whole group by mistake
                return models.bulk.RemoveTag(
                    self._required("label"), self.value if "value" in self.model_fields_set else None
                )

    def _required(self, name: Literal["destinationPath", "label", "value"]) -> str:
        if name not in self.model_fields_set:
            raise Invalid(f"{name}: Required", issues=(Issue((name,), "Required"),))
        return str(getattr(self, name))


class Outcome(TypedDict):
    id: str
    status: int  # of the answer to a request for this item alone
    changed: bool  # false: it was so already, or the action failed
    newPath: NotRequired[str]  # of a moved item
    # of a deleted or restored item; null in a dry run of a deletion
    deletionId: NotRequired[str | None]
    error: NotRequired[str]  # where the action failed: a sentence for a person
    code: NotRequired[str]  # and a stable word


class BulkDone(TypedDict):
    action: Literal["move", "delete", "restore", "tag", "untag"]
    dryRun: bool
    succeeded: int
    failed: int
    deletedCount: NotRequired[int]  # files, versions counted
    restoredCount: NotRequired[int]
    results: list[Outcome]  # one for each id, in the order in which they were named first


def show_bulk(asked: Bulk, done: models.bulk.Outcomes) -> BulkDone:
    failed = sum(each.error is not None for each in done.items)
    shown: BulkDone = {
        "action": asked.action,
        "dryRun": asked.dryRun,
        "succeeded": len(done.items) - failed,
        "failed": failed,
        "results": [_show_outcome(each, asked) for each in done.items],
    }
    if asked.action == "delete":
        shown["deletedCount"] = done.count or 0
    if asked.action == "restore":
        shown["restoredCount"] = done.count or 0
    return shown


def _show_outcome(each: models.bulk.Outcome, asked: Bulk) -> Outcome:
    if each.error is not None:
        return {
            "id": each.id.hex,
            "status": each.error.status,
            "changed": False,
            "error": each.error.sentence,
            "code": each.error.code,
        }
    shown: Outcome = {"id": each.id.hex, "status": 200, "changed": each.changed}
    if each.path is not None:
        shown["newPath"] = str(each.path)
    if each.deletion_id is not None:
        shown["deletionId"] = None if asked.dryRun and asked.action == "delete" else each.deletion_id.hex
    return shown
