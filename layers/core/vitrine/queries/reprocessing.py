"""Requests to process versions again, and requests that have waited too long.

An item is locked first (`lock`, `lock_page`), and its version requested in a following statement (`request`):
the locking statement itself may read a version as it was before the lock.
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
    """An active item whose row is locked, and its version to be processed. None: a folder, which has no
    versions.
    """

    item_id: UUID
    version_id: UUID | None


@dataclass(frozen=True, slots=True)
class Requested:
    """A version for which the request is new."""

    id: UUID
    key: str  # of its upload's object: events name it


@dataclass(frozen=True, slots=True)
class StoredOriginal:
    has_bytes: bool  # False: an external URL that was not fetched, or not yet


@dataclass(frozen=True, slots=True)
class OverdueRequest:
    """A version whose request is old and on which no worker has begun."""

    organization_id: UUID
    id: UUID
    media_id: UUID
    upload_id: UUID
    key: str  # of its upload's object


def lock(organization: UUID, item: UUID) -> Statement[LockedTarget]:
    """Lock the item until the transaction ends, or the item that this version is of. An item's id means its
    active version. No row: it is deleted, or does not exist.
    """
    return Statement(
        """
        select id as item_id,
               case when id = %(item)s or type = 'folder' then active_version_id
                    else %(item)s end as version_id
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
    """Lock the next active files of a collection until the transaction ends, by id, with their active
    versions: all, or those whose active version has failed.
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
    """Request that these versions, of different items, are processed again, and return those for which the
    request is new. A ready version shows its old frames until the new ones are recorded; a failed one
    is set to `pending`.

    A version that is deleted, has no bytes, or waits already is not returned.
    """
    return Statement(
        """
        with asked as (
          update versions
             set reprocess_requested_at = now(), reprocess_failure = null, processing_reason = null,
                 updated_at = now(),
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
             set state = case asked.processing when 'pending' then 'stored' else uploads.state end,
                 reason = null, resent = 0, updated_at = now()
            from asked
           where uploads.organization_id = %(organization)s
             and uploads.id = asked.upload_id
        ), item as (
          update media
             set processing = case asked.id when media.active_version_id then asked.processing
                                            else media.processing end,
                 processing_reason = case asked.id when media.active_version_id then null
                                                   else media.processing_reason end,
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


def original(organization: UUID, version: UUID) -> Statement[StoredOriginal]:
    """Read whether the version has bytes to process. No row: it is deleted or gone."""
    return Statement(
        """
        select key is not null as has_bytes
          from versions
         where organization_id = %(organization)s
           and id = %(version)s
           and status = 'active'
        """,
        StoredOriginal,
        organization=organization,
        version=version,
    )


def keep_frames(organization: UUID, version: UUID, reason: str) -> Statement[object]:
    """End the request without new frames, for this reason. The version keeps its frames."""
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


# For scheduled jobs, which read all organizations.


def overdue(before: datetime, after: UUID | None, limit: int) -> Statement[OverdueRequest]:
    """Ready versions whose request is older than `before` and on which no worker has begun, by id. A version
    that is pending again is found with its upload (`uploads.stalled`).
    """
    return Statement(
        """
        select version.organization_id, version.id, version.media_id, upload.id as upload_id, upload.key
          from versions version
          join uploads upload on upload.organization_id = version.organization_id
                             and upload.id = version.upload_id
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
class ReprocessingResend:
    times: int


def count_resend(version: OverdueRequest) -> Statement[ReprocessingResend]:
    """Count one more message, and set the version's `updated_at`, from which the sweep's
    waiting time counts. No row: the version does
    not wait any more.
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
        ReprocessingResend,
        organization=version.organization_id,
        version=version.id,
        upload=version.upload_id,
    )
