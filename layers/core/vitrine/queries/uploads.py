"""The table of uploads: one row per upload. Each step of the state machine (`models.uploads.UPLOAD_STATES`)
is one statement that names the states from which it may be taken.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, LiteralString

from vitrine.db import Statement, nothing
from vitrine.models.uploads import Upload, UploadReference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.people import Caller, Role
    from vitrine.models.uploads import UploadMethod, UploadState

_COLUMNS: LiteralString = """
    organization_id, id, user_id, collection_id, parent_id, source_media_id, media_id, version_id, method,
    state, reason, key, store_upload_id, name, filename, mime_type, title, alt, caption, declared_bytes,
    reserved_bytes, landed_bytes, checksum_kind, checksum_value, part_bytes, signed_parts, lease_until,
    created_at, updated_at, expires_at, deadline, key_id
"""


@dataclass(frozen=True, slots=True)
class Quota:
    """What an organization stores and its open uploads have reserved, in bytes. `limit` None: no limit."""

    limit: int | None
    stored: int
    reserved: int

    @property
    def left(self) -> int | None:
        """The bytes that one more upload may have. None: no limit. Below 0 when the limit was lowered, or
        frames were added.
        """
        return None if self.limit is None else self.limit - self.stored - self.reserved


@dataclass(frozen=True, slots=True)
class Rights:
    """What the uploader of an upload may do now."""

    role: Role
    # of the API key that was used last for the upload, empty when the key is not valid; None: a session,
    # which has every scope
    scopes: list[str] | None


def insert(upload: Upload) -> Statement[Upload]:
    """Insert the row of a new upload."""
    return Statement(
        "insert into uploads ("
        + _COLUMNS
        + """) values (
           %(organization_id)s, %(id)s, %(user_id)s, %(collection_id)s, %(parent_id)s, %(source_media_id)s,
           %(media_id)s, %(version_id)s, %(method)s, %(state)s, %(reason)s, %(key)s, %(store_upload_id)s,
           %(name)s, %(filename)s, %(mime_type)s, %(title)s, %(alt)s, %(caption)s, %(declared_bytes)s,
           %(reserved_bytes)s, %(landed_bytes)s, %(checksum_kind)s, %(checksum_value)s, %(part_bytes)s,
           %(signed_parts)s, %(lease_until)s, %(created_at)s, %(updated_at)s, %(expires_at)s, %(deadline)s,
           %(key_id)s)
         returning """
        + _COLUMNS,
        Upload,
        **asdict(upload),
    )


def by_id(organization: UUID, upload: UUID) -> Statement[Upload]:
    """Read the upload. No row: there is none in this organization."""
    return Statement(
        "select " + _COLUMNS + " from uploads where organization_id = %(organization)s and id = %(upload)s",
        Upload,
        organization=organization,
        upload=upload,
    )


def by_version(organization: UUID, version: UUID) -> Statement[Upload]:
    """Read the upload that made, or will make, this version."""
    return Statement(
        "select "
        + _COLUMNS
        + " from uploads where organization_id = %(organization)s and version_id = %(version)s",
        Upload,
        organization=organization,
        version=version,
    )


def by_key(organization: UUID, key: str) -> Statement[Upload]:
    """Read the upload whose object has this key."""
    return Statement(
        "select " + _COLUMNS + " from uploads where organization_id = %(organization)s and key = %(key)s",
        Upload,
        organization=organization,
        key=key,
    )


def lock(organization: UUID, upload: UUID) -> Statement[Upload]:
    """Lock the upload's row until the transaction ends, and read it."""
    return Statement(
        "select "
        + _COLUMNS
        + " from uploads where organization_id = %(organization)s and id = %(upload)s for update",
        Upload,
        organization=organization,
        upload=upload,
    )


def locate(key: str) -> Statement[UploadReference]:
    """Find the upload whose object has this key, before any organization is opened. No row: there is none."""

    def reference(*, organization_id: UUID, upload_id: UUID) -> UploadReference:
        return UploadReference(organization_id, upload_id, key)

    return Statement("select organization_id, upload_id from upload_by_key(%(key)s)", reference, key=key)


def set_store_upload(organization: UUID, upload: UUID, store_upload_id: str) -> Statement[Upload]:
    """Record the store's id of the multipart upload. No row: the upload is not `created` any more."""
    return Statement(
        """
        update uploads
           set store_upload_id = %(store_upload_id)s, updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and state = 'created'
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
        store_upload_id=store_upload_id,
    )


def sign(organization: UUID, upload: UUID, parts: int, ttl: int, caller: Caller) -> Statement[Upload]:
    """Count `parts` URLs that are about to be signed, and set `expires_at` to `ttl` seconds from now,
    at most to the deadline. No row: the upload is not open, or has expired.

    When the caller is the uploader, their key is the one by which the upload's rights are checked from now
    on.
    """
    return Statement(
        """
        update uploads
           set state = 'uploading',
               signed_parts = signed_parts + %(parts)s,
               key_id = case when user_id = %(person)s then %(api_key)s else key_id end,
               expires_at = least(now() + make_interval(secs => %(ttl)s), deadline),
               updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and state in ('created', 'uploading')
           and expires_at > now()
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
        parts=parts,
        ttl=ttl,
        person=caller.user_id,
        api_key=caller.key_id,
    )


def set_landed_bytes(organization: UUID, upload: UUID, size: int) -> Statement[Upload]:
    """Record how many bytes of an open multipart upload are in the store. One that declared no size reserves
    at least these.
    """
    return Statement(
        """
        update uploads
           set landed_bytes = %(size)s,
               reserved_bytes = case when declared_bytes is null and method = 'multipart'
                                     then greatest(reserved_bytes, %(size)s)
                                     else reserved_bytes end
         where organization_id = %(organization)s
           and id = %(upload)s
           and state in ('created', 'uploading', 'completing')
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
        size=size,
    )


def lease(
    organization: UUID,
    upload: UUID,
    method: UploadMethod,
    lease_id: UUID,
    seconds: int,
    caller: Caller | None = None,
) -> Statement[Upload]:
    """Give the upload to one call for `seconds`: to complete it, or to fetch an import.

    No row: another call has the lease, or the upload is not open, or has another method. When the caller is
    the uploader, their key is the one by which the upload's rights are checked from now on.
    """
    return Statement(
        """
        update uploads
           set state = 'completing',
               lease_id = %(lease_id)s,
               lease_until = now() + make_interval(secs => %(seconds)s),
               key_id = case when user_id = %(person)s then %(api_key)s else key_id end,
               updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and method = %(method)s
           and (store_upload_id is not null or method = 'import')
           and (state in ('created', 'uploading') or (state = 'completing' and lease_until <= now()))
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
        method=method,
        lease_id=lease_id,
        seconds=seconds,
        person=caller.user_id if caller else None,
        api_key=caller.key_id if caller else None,
    )


def release(organization: UUID, upload: UUID, lease_id: UUID) -> Statement[Upload]:
    """End the lease of a completing call. Parts may be put, and the upload completed, again. No row: the
    lease is another call's.
    """
    return Statement(
        """
        update uploads
           set state = 'uploading', lease_id = null, lease_until = null, updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and state = 'completing'
           and lease_id = %(lease_id)s
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
        lease_id=lease_id,
    )


def end_lease(organization: UUID, upload: UUID, now: datetime) -> Statement[Upload]:
    """End the lease of a completing call that died, so that the upload can be completed again. No row: the
    lease has not expired.
    """
    return Statement(
        """
        update uploads
           set state = 'uploading', lease_id = null, lease_until = null
         where organization_id = %(organization)s
           and id = %(upload)s
           and state = 'completing'
           and lease_until <= %(now)s
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
        now=now,
    )


def abort(organization: UUID, upload: UUID) -> Statement[Upload]:
    """Set an open upload to `aborted`. No row: it is not open, or it is being completed."""
    return Statement(
        """
        update uploads
           set state = 'aborted', reserved_bytes = 0, updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and state in ('created', 'uploading')
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
    )


def lock_open(organization: UUID, collection: UUID) -> Statement[object]:
    """Lock the uploads to this collection that can be aborted, until the transaction ends.

    Imports are not among them: their items exist, go to the trash with the collection, and are fetched all
    the same. Send this before the collection is locked: `finalize` locks an upload first, then the
    collection.
    """
    return Statement(
        """
        select id
          from uploads
         where organization_id = %(organization)s
           and collection_id = %(collection)s
           and state in ('created', 'uploading')
           and method <> 'import'
         order by id
           for update
        """,
        nothing,
        organization=organization,
        collection=collection,
    )


def abort_in(organization: UUID, collection: UUID) -> Statement[Upload]:
    """Abort the open uploads to this collection, mark their objects for deletion, and return the uploads.

    One that is being completed is left out: `finalize` finds the collection deleted, and rejects it. Imports
    are left out as in `lock_open`.
    """
    return Statement(
        """
        with aborted as (
          update uploads
             set state = 'aborted', reserved_bytes = 0, updated_at = now()
           where organization_id = %(organization)s
             and collection_id = %(collection)s
             and state in ('created', 'uploading')
             and method <> 'import'
          returning """
        + _COLUMNS
        + """
        ), marked as (
          update objects
             set state = 'deleting', reason = 'aborted', updated_at = now()
            from aborted
           where objects.organization_id = %(organization)s
             and objects.key = aborted.key
             and objects.state = 'planned'
        )
        select """
        + _COLUMNS
        + " from aborted",
        Upload,
        organization=organization,
        collection=collection,
    )


def expire(organization: UUID, upload: UUID, now: datetime) -> Statement[Upload]:
    """Set the state to `expired` for an upload that has expired (expires_at). Bytes that land later revive
    it. No row: the upload has not expired, is not open, or the lease of a completing call has not ended.
    """
    return Statement(
        """
        update uploads
           set state = 'expired', reserved_bytes = 0, lease_id = null, lease_until = null, updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and expires_at <= %(now)s
           and (state in ('created', 'uploading') or (state = 'completing' and lease_until <= %(now)s))
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
        now=now,
    )


def set_state(
    organization: UUID,
    upload: UUID,
    state: UploadState,
    reason: str | None,
    *,
    landed_bytes: int | None = None,
) -> Statement[Upload]:
    """Set the state. The caller has locked the row and checked that the state may follow the present one.
    Reservation and lease end.
    """
    return Statement(
        """
        update uploads
           set state = %(state)s,
               reason = %(reason)s,
               landed_bytes = coalesce(%(landed_bytes)s, landed_bytes),
               reserved_bytes = 0, lease_id = null, lease_until = null, updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
        state=state,
        reason=reason,
        landed_bytes=landed_bytes,
    )


def mark_processing(organization: UUID, upload: UUID) -> Statement[Upload]:
    """Set the upload to `processing`, and set its `updated_at`, from which the sweep's waiting
    time counts. No row: it does not
    wait for a worker.
    """
    return Statement(
        """
        update uploads
           set state = 'processing', updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and state in ('stored', 'processing')
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
    )


def destination(organization: UUID, collection: UUID, parent: UUID | None) -> Statement[UploadDestination]:
    """Find where a new item of this collection and folder goes: the folder, or the nearest active folder
    above it, or the collection's root. No row: the collection is gone.

    Send it after the collection is locked, as a separate statement: it must see what transactions that had
    the lock before have changed.
    """
    return Statement(
        """
        select (select folder.id
                  from media folder
                  join folder_paths place on place.organization_id = %(organization)s
                                         and place.folder_id = folder.id
                 where folder.organization_id = %(organization)s
                   and folder.id = any(array(select unnest(string_to_array(path::text, '.'))::uuid
                                               from folder_paths
                                              where organization_id = %(organization)s
                                                and folder_id = %(parent)s))
                   and folder.status = 'active'
                 order by nlevel(place.path) desc
                 limit 1) as folder_id
          from collections
         where organization_id = %(organization)s
           and id = %(collection)s
           and status = 'active'
        """,
        UploadDestination,
        organization=organization,
        collection=collection,
        parent=parent,
    )


@dataclass(frozen=True, slots=True)
class UploadDestination:
    folder_id: UUID | None  # None: the collection's root


def lock_quota(organization: UUID) -> Statement[object]:
    """Wait for other transactions that check this organization's quota, and make later ones wait until this
    one ends.
    """
    return Statement(
        """
        select pg_advisory_xact_lock(
                 hashtextextended('quota:' || %(organization)s::text, 0)) is null as waited
        """,
        nothing,
        organization=organization,
    )


def quota(organization: UUID, besides: UUID) -> Statement[Quota]:
    """Read what is stored, and what open uploads other than `besides` have reserved. A reservation ends when
    its time is over, whether a job has run or not.
    """
    return Statement(
        """
        select (select quota_bytes from organizations where id = %(organization)s) as "limit",
               (select coalesce(sum(bytes), 0)
                  from storage_usage
                 where organization_id = %(organization)s)::bigint
             + (select coalesce(sum(delta_bytes), 0)
                  from storage_ledger
                 where organization_id = %(organization)s
                   and not folded)::bigint as stored,
               (select coalesce(sum(reserved_bytes), 0) from uploads
                 where organization_id = %(organization)s
                   and state in ('created', 'uploading', 'completing')
                   and greatest(expires_at, lease_until) > now()
                   and id <> %(besides)s)::bigint as reserved
        """,
        Quota,
        organization=organization,
        besides=besides,
    )


def rights(organization: UUID, upload: UUID) -> Statement[Rights]:
    """Read what the uploader may do now. No row: the uploader is no member of the organization any more, or
    it was deleted.
    """
    return Statement(
        """
        select memberships.role,
               case when uploads.key_id is not null
                    then coalesce(working_key_scopes(uploads.key_id, uploads.user_id), '{}') end as scopes
          from uploads
          join organizations on organizations.id = uploads.organization_id
                            and organizations.deleted_at is null
          join memberships on memberships.organization_id = uploads.organization_id
                          and memberships.user_id = uploads.user_id
         where uploads.organization_id = %(organization)s
           and uploads.id = %(upload)s
        """,
        Rights,
        organization=organization,
        upload=upload,
    )


# For scheduled jobs, which read all organizations.


def overdue(now: datetime, after: UUID | None, limit: int) -> Statement[Upload]:
    """Open uploads that have expired (expires_at), or whose completing call's lease has ended, by id."""
    return Statement(
        "select "
        + _COLUMNS
        + """
          from uploads
         where state in ('created', 'uploading', 'completing')
           and (expires_at <= %(now)s or (state = 'completing' and lease_until <= %(now)s))
           and (%(after)s::uuid is null or id > %(after)s::uuid)
         order by id
         limit %(limit)s
        """,
        Upload,
        now=now,
        after=after,
        limit=limit,
    )


def stalled(before: datetime, after: UUID | None, limit: int) -> Statement[Upload]:
    """Uploads that are stored or being processed and have not changed since `before`, by id."""
    return Statement(
        "select "
        + _COLUMNS
        + """
          from uploads
         where state in ('stored', 'processing')
           and updated_at <= %(before)s
           and (%(after)s::uuid is null or id > %(after)s::uuid)
         order by id
         limit %(limit)s
        """,
        Upload,
        before=before,
        after=after,
        limit=limit,
    )


def count_resend(organization: UUID, upload: UUID) -> Statement[UploadResend]:
    """Count one more message, and set `updated_at`, from which the sweep's waiting time
    counts. No row: the upload does not
    wait for a worker.
    """
    return Statement(
        """
        update uploads
           set resent = resent + 1, updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and state in ('stored', 'processing')
        returning resent as times
        """,
        UploadResend,
        organization=organization,
        upload=upload,
    )


@dataclass(frozen=True, slots=True)
class UploadResend:
    times: int


def wanted_multiparts(store_upload_ids: Sequence[str]) -> Statement[Upload]:
    """The open uploads behind these ids of the store's multipart uploads."""
    return Statement(
        "select "
        + _COLUMNS
        + """
          from uploads
         where store_upload_id = any(%(ids)s)
           and state in ('created', 'uploading', 'completing')
        """,
        Upload,
        ids=list(store_upload_ids),
    )
