"""Removing the items of a deletion for good. `purge_deleted` runs these statements for all organizations;
each statement selects rows by the deletion's id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Due:
    """A deletion whose retention is over, and that is not purged yet."""

    organization_id: UUID
    id: UUID
    kind: Literal["media", "folder", "version", "collection", "selection"]
    root_id: UUID
    state: Literal["trash", "purging"]


@dataclass(frozen=True, slots=True)
class ItemId:
    id: UUID


@dataclass(frozen=True, slots=True)
class MarkedObject:
    key: str


@dataclass(frozen=True, slots=True)
class WaitsForOthers:
    waits: bool


def due(now: datetime, after: UUID | None, limit: int) -> Statement[Due]:
    """Deletions whose retention is over, in the order in which they were made: what was deleted first is
    contained in what was deleted later.
    """
    return Statement(
        """
        select organization_id, id, kind, root_id, state
          from deletions
         where state in ('trash', 'purging')
           and purge_at <= %(now)s
           and (%(after)s::uuid is null or id > %(after)s::uuid)
         order by id
         limit %(limit)s
        """,
        Due,
        now=now,
        after=after,
        limit=limit,
    )


def lock(deletion: Due) -> Statement[Due]:
    """Lock the deletion until the transaction ends, and read it. No row: it was restored, or is purged."""
    return Statement(
        """
        select organization_id, id, kind, root_id, state
          from deletions
         where organization_id = %(organization)s
           and id = %(deletion)s
           and state in ('trash', 'purging')
           for update
        """,
        Due,
        organization=deletion.organization_id,
        deletion=deletion.id,
    )


def waits_for_others(deletion: Due) -> Statement[WaitsForOthers]:
    """Read whether what this deletion took contains anything that an earlier deletion took. That deletion is
    purged first.
    """
    return Statement(
        """
        select exists (select
                         from media taken
                         join media inside on inside.organization_id = %(organization)s
                                          and inside.collection_id = taken.collection_id
                                          and inside.parent_id = taken.id
                                          and inside.deletion_id is distinct from %(deletion)s
                        where taken.organization_id = %(organization)s
                          and taken.deletion_id = %(deletion)s
                          and taken.type = 'folder')
            or exists (select
                         from media taken
                         join versions version on version.organization_id = %(organization)s
                                              and version.media_id = taken.id
                                              and version.deletion_id is distinct from %(deletion)s
                        where taken.organization_id = %(organization)s
                          and taken.deletion_id = %(deletion)s)
            or exists (select
                         from media inside
                        where inside.organization_id = %(organization)s
                          and inside.collection_id = %(root)s   -- true only where a collection was deleted
                          and inside.deletion_id is distinct from %(deletion)s) as waits
        """,
        WaitsForOthers,
        organization=deletion.organization_id,
        deletion=deletion.id,
        root=deletion.root_id,
    )


# A batch of files is locked, subtracted from the ledger (ledger.purge), its objects are marked for deletion,
# and its rows deleted, in one transaction.


def lock_files(deletion: Due, limit: int) -> Statement[ItemId]:
    """Lock files that the deletion took, until the transaction ends."""
    return Statement(
        """
        select id
          from media
         where organization_id = %(organization)s
           and deletion_id = %(deletion)s
           and type <> 'folder'
         limit %(limit)s
           for update
        """,
        ItemId,
        organization=deletion.organization_id,
        deletion=deletion.id,
        limit=limit,
    )


def lock_version(deletion: Due) -> Statement[ItemId]:
    """Lock the one version that the deletion took, and its item, until the transaction ends. No row: it is
    gone.
    """
    return Statement(
        """
        select media.id
          from versions version
          join media on media.organization_id = %(organization)s and media.id = version.media_id
         where version.organization_id = %(organization)s
           and version.id = %(root)s
           and version.deletion_id = %(deletion)s
           for update
        """,
        ItemId,
        organization=deletion.organization_id,
        root=deletion.root_id,
        deletion=deletion.id,
    )


def delete_version(deletion: Due) -> Statement[object]:
    """Delete the one version that the deletion took, with its frames."""
    return Statement(
        """
        delete from versions
         where organization_id = %(organization)s
           and id = %(root)s
           and deletion_id = %(deletion)s
        """,
        nothing,
        organization=deletion.organization_id,
        root=deletion.root_id,
        deletion=deletion.id,
    )


def mark_deleting(deletion: Due, items: Sequence[UUID]) -> Statement[object]:
    """Mark the live objects of these items' versions for deletion, older generations too: signed URLs do not
    keep them.

    Planned objects are left: an attempt may be putting them, and finds the version gone when it records them;
    or the attempt died, and the sweep deletes them.
    """
    return Statement(
        """
        update objects
           set state = 'deleting', reason = %(reason)s, updated_at = now(),
               keep_until = case objects.kind when 'derived' then null else objects.keep_until end
          from versions
         where versions.organization_id = %(organization)s
           and versions.media_id = any(%(items)s)
           and versions.deletion_id = %(deletion)s
           and objects.organization_id = %(organization)s
           and objects.version_id = versions.id
           and objects.state = 'live'
        """,
        nothing,
        organization=deletion.organization_id,
        deletion=deletion.id,
        items=list(items),
        reason=_reason(deletion),
    )


def reject_uploads(deletion: Due, items: Sequence[UUID], reason: str) -> Statement[object]:
    """Reject the uploads of these items that are not processed yet."""
    return Statement(
        """
        update uploads
           set state = 'rejected', reason = %(reason)s, updated_at = now()
          from versions
         where versions.organization_id = %(organization)s
           and versions.media_id = any(%(items)s)
           and versions.deletion_id = %(deletion)s
           and uploads.organization_id = %(organization)s
           and uploads.version_id = versions.id
           and uploads.state in ('stored', 'processing')
        """,
        nothing,
        organization=deletion.organization_id,
        deletion=deletion.id,
        items=list(items),
        reason=reason,
    )


def delete_items(deletion: Due, items: Sequence[UUID]) -> Statement[object]:
    """Delete these items that the deletion took, with their versions, frames and tags."""
    return Statement(
        """
        delete from media
         where organization_id = %(organization)s
           and id = any(%(items)s)
           and deletion_id = %(deletion)s
        """,
        nothing,
        organization=deletion.organization_id,
        deletion=deletion.id,
        items=list(items),
    )


def marked_objects(deletion: Due, limit: int) -> Statement[MarkedObject]:
    """The objects that this deletion marked and that are not deleted yet, by key."""
    return Statement(
        """
        select key
          from objects
         where organization_id = %(organization)s
           and reason = %(reason)s
           and state = 'deleting'
         order by key
         limit %(limit)s
        """,
        MarkedObject,
        organization=deletion.organization_id,
        reason=_reason(deletion),
        limit=limit,
    )


# What is left when the files are gone.


def lock_folders(deletion: Due, limit: int) -> Statement[ItemId]:
    """Lock folders that the deletion took until the transaction ends, deepest first, its root last."""
    return Statement(
        """
        select folder.id
          from media folder
          join folder_paths place on place.organization_id = %(organization)s and place.folder_id = folder.id
         where folder.organization_id = %(organization)s
           and folder.deletion_id = %(deletion)s
           and folder.type = 'folder'
         order by nlevel(place.path) desc, folder.id
         limit %(limit)s
           for update of folder
        """,
        ItemId,
        organization=deletion.organization_id,
        deletion=deletion.id,
        limit=limit,
    )


def delete_uploads(deletion: Due, limit: int) -> Statement[ItemId]:
    """Delete the rows of uploads to the deletion's collection that are not open, and return their ids."""
    return Statement(
        """
        delete from uploads
         where organization_id = %(organization)s
           and id in (select id
                        from uploads
                       where organization_id = %(organization)s
                         and collection_id = %(root)s
                         and state not in ('created', 'uploading', 'completing')
                       limit %(limit)s)
        returning id
        """,
        ItemId,
        organization=deletion.organization_id,
        root=deletion.root_id,
        limit=limit,
    )


def delete_collection(deletion: Due) -> Statement[ItemId]:
    """Delete the collection that the deletion took. No row: it is gone, or an upload to it is still open."""
    return Statement(
        """
        delete from collections
         where organization_id = %(organization)s
           and id = %(root)s
           and deletion_id = %(deletion)s
           and not exists (select
                             from uploads
                            where uploads.organization_id = %(organization)s
                              and uploads.collection_id = %(root)s)
        returning id
        """,
        ItemId,
        organization=deletion.organization_id,
        root=deletion.root_id,
        deletion=deletion.id,
    )


def _reason(deletion: Due) -> str:
    """The reason with which this deletion marks objects. A later run finds by this reason
    what an interrupted run has marked."""
    return f"purged with {deletion.id.hex}"
