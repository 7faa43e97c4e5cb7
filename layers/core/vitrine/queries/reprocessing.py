"""Versions whose frames are wanted anew: asking for them, and those that have waited too long.

Their items are held first (`hold`, `hold_page`), then they are asked for (`ask`), in statements of their own:
one that waited for the lock itself
would judge a version as it was before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, LiteralString

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

Which = Literal["failed", "all"]


@dataclass(frozen=True, slots=True)
class LockedTarget:
    """A living item whose row is locked, and the version that is meant; None: a folder, which has none."""

    item_id: UUID
    version_id: UUID | None


@dataclass(frozen=True, slots=True)
class Requested:
    """A version that was asked for again just now."""

    id: UUID
    key: str  # at which its upload landed: what an event names


@dataclass(frozen=True, slots=True)
class Original:
    has_bytes: bool  # False: an external URL, which was not fetched (yet)


@dataclass(frozen=True, slots=True)
class OverdueRequest:
    """A version that was asked for again a while ago, and that nobody has worked on since."""

    organization_id: UUID
    id: UUID
    media_id: UUID
    upload_id: UUID
    key: str  # at which its upload landed


def lock(organization: UUID, item: UUID) -> Statement[LockedTarget]:
    """The item, or the one that a version is of, locked until the transaction ends; an item's id means its
    active version. No row: it is deleted,
    or was never there.
    """
    return Statement(
        """
        select id as item_id, case when id = %(item)s or type = 'folder' then active_version_id else %(item)s end as version_id
          from media
         where organization_id = %(organization)s
           and status = 'active'
           and id = (select media_id from versions where organization_id = %(organization)s and id = %(item)s
                     union all
                     select %(item)s
                     limit 1)
           for update
        """,
        LockedTarget,
        organization=organization,
        item=item,
    )


def lock_page(
    organization: UUID, collection: UUID, which: Which, after: UUID | None, limit: int
) -> Statement[LockedTarget]:
    """The next living files of a collection, by id, with the versions that they show, locked until the
    transaction ends: all, or those of which
    that version has failed.
    """
    chosen: LiteralString = "and processing = 'failed'" if which == "failed" else "and type <> 'folder'"
    return Statement(
        """
        select id as item_id, active_version_id as version_id
          from media
         where organization_id = %(organization)s
           and collection_id = %(collection)s
           and status = 'active'
           and (%(after)s::uuid is null or id > %(after)s::uuid)
           """
        + chosen
        + """
         order by id
         limit %(limit)s
           for update
        """,
        LockedTarget,
        organization=organization,
        collection=collection,
        after=after,
        limit=limit,
    )


def request(organization: UUID, versions: Sequence[UUID], actor: UUID) -> Statement[Requested]:
    """The frames of these versions, of different items, are wanted anew: a ready one stays what it is until
    then, a failed one waits as it did at
    first. Those it is new of: not one that is deleted, has no bytes, or waits already.
    """
    return Statement(
        """
        with asked as (
          update versions
             set reprocess_requested_at = now(), reprocess_failure = null, processing_reason = null, updated_at = now(),
                 processing = case processing when 'failed' then 'pending' else processing end
            from uploads
           where versions.organization_id = %(organization)s
             and versions.id = any(%(versions)s)
             and versions.status = 'active'
             and versions.key is not null
             and versions.processing <> 'pending'
             and versions.reprocess_requested_at is null
             and uploads.organization_id = %(organization)s
             and uploads.id = versions.upload_id
          returning versions.id, versions.media_id, versions.processing, uploads.id as upload_id, uploads.key
        ), upload as (
          update uploads
             set state = case asked.processing when 'pending' then 'stored' else uploads.state end, reason = null, resent = 0, updated_at = now()
            from asked
           where uploads.organization_id = %(organization)s
             and uploads.id = asked.upload_id
        ), item as (
          update media
             set processing = case asked.id when media.active_version_id then asked.processing else media.processing end,
                 processing_reason = case asked.id when media.active_version_id then null else media.processing_reason end,
                 row_version = media.row_version + 1, updated_at = now(), updated_by = %(actor)s
            from asked
           where media.organization_id = %(organization)s
             and media.id = asked.media_id
        )
        select id, key from asked
        """,
        Requested,
        organization=organization,
        versions=list(versions),
        actor=actor,
    )


def original(organization: UUID, version: UUID) -> Statement[Original]:
    """Whether there is something to make frames of. No row: the version is deleted, or gone."""
    return Statement(
        """
        select key is not null as has_bytes
          from versions
         where organization_id = %(organization)s
           and id = %(version)s
           and status = 'active'
        """,
        Original,
        organization=organization,
        version=version,
    )


def keep_frames(organization: UUID, version: UUID, reason: str) -> Statement[object]:
    """Nothing came of it, for this reason: the frames stay those that there were."""
    return Statement(
        """
        update versions
           set reprocess_requested_at = null, reprocess_failure = %(reason)s, updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
           and processing = 'ready'
        """,
        nothing,
        organization=organization,
        version=version,
        reason=reason,
    )


# For jobs, which cross organizations.


def overdue(before: datetime, after: UUID | None, limit: int) -> Statement[OverdueRequest]:
    """Ready versions that were asked for again, and that nobody has worked on since then. One that is
    pending again waits as an upload does.
    """
    return Statement(
        """
        select version.organization_id, version.id, version.media_id, upload.id as upload_id, upload.key
          from versions version
          join uploads upload on upload.organization_id = version.organization_id and upload.id = version.upload_id
         where version.reprocess_requested_at is not null
           and version.processing = 'ready'
           and version.updated_at <= %(before)s
           and (%(after)s::uuid is null or version.id > %(after)s::uuid)
         order by version.id
         limit %(limit)s
        """,
        OverdueRequest,
        before=before,
        after=after,
        limit=limit,
    )


@dataclass(frozen=True, slots=True)
class Resent:
    times: int


def count_resend(version: OverdueRequest) -> Statement[Resent]:
    """Counts one more try; the version is touched, so that the next look waits again. No row: it does not
    wait any more.
    """
    return Statement(
        """
        with touched as (
          update versions
             set updated_at = now()
           where organization_id = %(organization)s
             and id = %(version)s
             and reprocess_requested_at is not null
             and processing = 'ready'
          returning id
        )
        update uploads
           set resent = resent + 1
          from touched
         where uploads.organization_id = %(organization)s
           and uploads.id = %(upload)s
        returning uploads.resent as times
        """,
        Resent,
        organization=version.organization_id,
        version=version.id,
        upload=version.upload_id,
    )
