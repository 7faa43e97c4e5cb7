"""Deletions: what a deletion or a restore has done, and the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import Input, Time, parse_cursor, show_cursor, show_time
from vitrine.dialects.studio.pages import CursorPagination
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from vitrine import models


class TrashQuery(Input):
    """GET /api/organization/{orgId}/trash"""

    limit: int = Field(50, ge=1, le=1000)
    cursor: Annotated[str | None, EXACT] = Field(None, description="nextCursor of the page before")

    def after(self) -> models.pages.Cursor | None:
        """Return the cursor; None for the first page. Raises Invalid."""
        return None if self.cursor is None else parse_cursor(self.cursor)


class Deleted(TypedDict):
    id: str
    deletedCount: int  # files, versions counted
    deletionId: str


class Restored(TypedDict):
    id: str
    restoredCount: int  # files, versions counted
    deletionId: str


class Trashed(TypedDict):
    deletionId: str
    # the id of the deleted item, with which everything in it was deleted; for a bulk deletion, of one of its
    # items
    id: str
    kind: Literal["media", "folder", "version", "collection", "selection"]
    name: str | None
    type: Literal["image", "video", "pdf", "folder"] | None  # null: a collection
    datasetId: str | None
    deletedAt: Time
    deletedById: str
    purgeAt: Time | None  # from then on it cannot be restored; null: never
    deletedCount: int  # files, versions counted


class Trash(TypedDict):
    trash: list[Trashed]
    pagination: CursorPagination


def show_deleted(deleted: models.deletions.Deleted) -> Deleted:
    return {"id": deleted.id.hex, "deletedCount": deleted.count, "deletionId": deleted.deletion_id.hex}


def show_restored(restored: models.deletions.Restored) -> Restored:
    return {"id": restored.id.hex, "restoredCount": restored.count, "deletionId": restored.deletion_id.hex}


def show_trash(page: models.pages.Page[models.deletions.Trashed], *, limit: int) -> Trash:
    return {
        "trash": [_show_deletion(deletion) for deletion in page.items],
        "pagination": {
            "limit": limit,
            "hasMore": page.next is not None,
            "nextCursor": show_cursor(page.next) if page.next else None,
        },
    }


def _show_deletion(deletion: models.deletions.Trashed) -> Trashed:
    return {
        "deletionId": deletion.id.hex,
        "id": deletion.root_id.hex,
        "kind": deletion.kind,
        "name": deletion.name,
        "type": deletion.type,
        "datasetId": deletion.collection_id.hex if deletion.collection_id else None,
        "deletedAt": show_time(deletion.at),
        "deletedById": deletion.actor.hex,
        "purgeAt": show_time(deletion.purge_at) if deletion.purge_at else None,
        "deletedCount": deletion.item_count,
    }
