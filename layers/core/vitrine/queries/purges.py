"""Removing for good what an act of deletion took. For the job, which crosses organizations; every
statement goes by the act that the rows carry.
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
    """An act whose time in the trash is over, and that is not yet gone for good."""

    organization_id: UUID
    id: UUID
    kind: Literal["media", "folder", "version", "collection", "selection"]
    root_id: UUID
    state: Literal["trash", "purging"]


@dataclass(frozen=True, slots=True)
class Found:
    id: UUID


@dataclass(frozen=True, slots=True)
class Marked:
    key: str


@dataclass(frozen=True, slots=True)
class Judged:
    waits: bool


def due(now: datetime, after: UUID | None, limit: int) -> Statement[Due]:
    """Acts whose time is over, in the order in which they were done: what was deleted first lies in what
    was deleted later.
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
    """The act as it is now, locked until the transaction ends. No row: it was restored, or is purged."""
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


def waits(deletion: Due) -> Statement[Judged]:
    """Whether something that this act did not take lies in what it took: that was deleted before, by an
    act of its own, and goes first.
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
                          and inside.collection_id = %(root)s          -- of a collection's act; no item has the id of one
                          and inside.deletion_id is distinct from %(deletion)s) as waits
        """,
        Judged,
        organization=deletion.organization_id,
        deletion=deletion.id,
        root=deletion.root_id,
    )


# A batch of files: held, taken out of the ledger (ledger.purge), their objects doomed, the rows deleted, in
# one transaction.


def lock_files(deletion: Due, limit: int) -> Statement[Found]:
    """Files that the act took, locked until the transaction ends."""
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
        Found,
        organization=deletion.organization_id,
        deletion=deletion.id,
        limit=limit,
    )


def lock_version(deletion: Due) -> Statement[Found]:
    """The item of the one version that the act took, both locked until the transaction ends. No row: it
    is gone.
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
        Found,
        organization=deletion.organization_id,
        root=deletion.root_id,
        deletion=deletion.id,
    )


def remove_version(deletion: Due) -> Statement[object]:
    """The one version that the act took is gone; its frames with it."""
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
    """What these items' versions have in the store is doomed, by this act; an older generation does not stay
    for its readers.

    What is planned for them is left: an attempt may be putting it, which learns of this when it records it;
    or it died, and the sweep comes by.
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


def end_uploads(deletion: Due, items: Sequence[UUID], reason: str) -> Statement[object]:
    """The uploads that made these items and that nobody has finished with are refused."""
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


def remove(deletion: Due, items: Sequence[UUID]) -> Statement[object]:
    """These items that the act took are gone; their versions, frames and tags with them."""
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


def marked(deletion: Due, limit: int) -> Statement[Marked]:
    """The objects that this act doomed and that are not yet gone."""
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
        Marked,
        organization=deletion.organization_id,
        reason=_reason(deletion),
        limit=limit,
    )


# What is left when the files are gone.


def lock_folders(deletion: Due, limit: int) -> Statement[Found]:
    """Folders that the act took, deepest first and so its root last, locked until the transaction ends."""
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
        Found,
        organization=deletion.organization_id,
        deletion=deletion.id,
        limit=limit,
    )


def forget_uploads(deletion: Due, limit: int) -> Statement[Found]:
    """Of the uploads that went to the act's collection, these are forgotten: of those that take no bytes
    any more.
    """
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
        Found,
        organization=deletion.organization_id,
        root=deletion.root_id,
        limit=limit,
    )


def remove_collection(deletion: Due) -> Statement[Found]:
    """The collection that the act took is gone. No row: it was before, or an upload is still under way to
    it.
    """
    return Statement(
        """
        delete from collections
         where organization_id = %(organization)s
           and id = %(root)s
           and deletion_id = %(deletion)s
           and not exists (select from uploads where uploads.organization_id = %(organization)s and uploads.collection_id = %(root)s)
        returning id
        """,
        Found,
        organization=deletion.organization_id,
        root=deletion.root_id,
        deletion=deletion.id,
    )


def _reason(deletion: Due) -> str:
    """Why an object was doomed: by it what a run left that died is found again."""
    return f"purged with {deletion.id.hex}"
