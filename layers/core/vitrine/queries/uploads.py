"""The table of uploads: one row per upload, a state machine whose every step is one statement that names
the states it may be taken from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, LiteralString

from vitrine.db import Statement, nothing
from vitrine.models.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.people import Caller, Role
    from vitrine.models.uploads import UploadState

_COLUMNS: LiteralString = """
    organization_id, id, user_id, collection_id, parent_id, source_media_id, media_id, version_id, method, state, reason, key, store_upload_id,
    name, filename, mime_type, title, alt, caption, declared_bytes, reserved_bytes, landed_bytes, checksum_kind, checksum_value, part_bytes,
    signed_parts, lease_until, created_at, updated_at, expires_at, deadline, key_id
"""


@dataclass(frozen=True, slots=True)
class Whose:
    """An upload and the organization it belongs to: what an event's consumer opens."""

    organization_id: UUID
    upload_id: UUID


@dataclass(frozen=True, slots=True)
class Quota:
    """What an organization holds and what its open uploads may still land, in bytes; `limit` None: no
    limit.
    """

    limit: int | None
    stored: int
    reserved: int

    @property
    def left(self) -> int | None:
        """What one more upload may have. None: there is no limit. Less than 0 where the limit was
        lowered, or frames were made.
        """
        return None if self.limit is None else self.limit - self.stored - self.reserved


@dataclass(frozen=True, slots=True)
class Rights:
    """What an upload's uploader may do now."""

    role: Role
    # of the API key that was used last for it, none where it works no more; None: a session, which has all
    scopes: list[str] | None


def insert(upload: Upload) -> Statement[Upload]:
    return Statement(
        "insert into uploads ("
        + _COLUMNS
        + """) values (
           %(organization_id)s, %(id)s, %(user_id)s, %(collection_id)s, %(parent_id)s, %(source_media_id)s, %(media_id)s, %(version_id)s,
           %(method)s, %(state)s, %(reason)s, %(key)s, %(store_upload_id)s, %(name)s, %(filename)s, %(mime_type)s, %(title)s, %(alt)s,
           %(caption)s, %(declared_bytes)s, %(reserved_bytes)s, %(landed_bytes)s, %(checksum_kind)s, %(checksum_value)s, %(part_bytes)s,
           %(signed_parts)s, %(lease_until)s, %(created_at)s, %(updated_at)s, %(expires_at)s, %(deadline)s, %(key_id)s)
         returning """
        + _COLUMNS,
        Upload,
        **asdict(upload),
    )


def by_id(organization: UUID, upload: UUID) -> Statement[Upload]:
    return Statement(
        "select " + _COLUMNS + " from uploads where organization_id = %(organization)s and id = %(upload)s",
        Upload,
        organization=organization,
        upload=upload,
    )


def by_version(organization: UUID, version: UUID) -> Statement[Upload]:
    return Statement(
        "select "
        + _COLUMNS
        + " from uploads where organization_id = %(organization)s and version_id = %(version)s",
        Upload,
        organization=organization,
        version=version,
    )


def by_key(organization: UUID, key: str) -> Statement[Upload]:
    return Statement(
        "select " + _COLUMNS + " from uploads where organization_id = %(organization)s and key = %(key)s",
        Upload,
        organization=organization,
        key=key,
    )


def lock(organization: UUID, upload: UUID) -> Statement[Upload]:
    """The row, locked until the transaction ends."""
    return Statement(
        "select "
        + _COLUMNS
        + " from uploads where organization_id = %(organization)s and id = %(upload)s for update",
        Upload,
        organization=organization,
        upload=upload,
    )


def whose(key: str) -> Statement[Whose]:
    """Whose upload lands at this key; asked before any organization is opened."""
    return Statement("select organization_id, upload_id from upload_by_key(%(key)s)", Whose, key=key)


def opened(organization: UUID, upload: UUID, store_upload_id: str) -> Statement[Upload]:
    """The store has opened its multipart upload."""
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
    """`parts` more URLs are about to be given out; the session lives `ttl` seconds from now, within its
    deadline. The key of a caller who is
    the uploader is the one by which their rights are checked from now on.
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


def landed(organization: UUID, upload: UUID, size: int) -> Statement[Upload]:
    """The store holds this many bytes of an open upload; one that declared nothing reserves what it has
    landed.
    """
    return Statement(
        """
        update uploads
           set landed_bytes = %(size)s,
               reserved_bytes = case when declared_bytes is null and method = 'multipart' then greatest(reserved_bytes, %(size)s)
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
    organization: UUID, upload: UUID, lease_id: UUID, seconds: int, caller: Caller
) -> Statement[Upload]:
    """The upload is this call's to complete for so long. No row: another call has it, or it is not open. The
    key of a caller who is the uploader
    is the one by which their rights are checked.
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
           and store_upload_id is not null
           and (state in ('created', 'uploading') or (state = 'completing' and lease_until <= now()))
        returning """
        + _COLUMNS,
        Upload,
        organization=organization,
        upload=upload,
        lease_id=lease_id,
        seconds=seconds,
        person=caller.user_id,
        api_key=caller.key_id,
    )


def release(organization: UUID, upload: UUID, lease_id: UUID) -> Statement[Upload]:
    """The completing call gives the upload back: parts may be put and completed again."""
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


def lapse(organization: UUID, upload: UUID, now: datetime) -> Statement[Upload]:
    """A completing call died: its lease is over, and the upload can be completed again."""
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
    """The uploads that can be aborted and go to this collection, locked until the transaction ends. Not
    imports: their items are there already, and
    go to the trash with the collection, where they are fetched all the same.

    To be sent before the collection is held: whoever settles an upload holds its row first, then the
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
    """The uploads that go to this collection take no more bytes, and their objects are doomed; those they
    were. Not one that is being completed:
    its settling looks at the collection.
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
    """The session has ended; its bytes revive it if they land all the same."""
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


def become(
    organization: UUID,
    upload: UUID,
    state: UploadState,
    reason: str | None,
    *,
    landed_bytes: int | None = None,
) -> Statement[Upload]:
    """The state is this one now; whether it may be was judged under the row's lock."""
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


def working(organization: UUID, upload: UUID) -> Statement[Upload]:
    """Somebody is at it: whoever looks for uploads that stand still waits again."""
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


def birthplace(organization: UUID, collection: UUID, parent: UUID | None) -> Statement[Birthplace]:
    """Where something meant for this folder comes to lie now: there, or in the nearest living folder above,
    or at the root. No row: the
    collection is gone.

    A statement of its own, after the collection is held: it must see what those who held it before have done.
    """
    return Statement(
        """
        select (select folder.id
                  from media folder
                  join folder_paths place on place.organization_id = %(organization)s and place.folder_id = folder.id
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
        Birthplace,
        organization=organization,
        collection=collection,
        parent=parent,
    )


@dataclass(frozen=True, slots=True)
class Birthplace:
    folder_id: UUID | None  # None: the collection's root


def queue_for_quota(organization: UUID) -> Statement[object]:
    """Those who measure this organization's quota come one after the other until the transaction ends."""
    return Statement(
        "select pg_advisory_xact_lock(hashtextextended('quota:' || %(organization)s::text, 0)) is null as waited",
        nothing,
        organization=organization,
    )


def quota(organization: UUID, besides: UUID) -> Statement[Quota]:
    """What is stored, and what open uploads reserve, the upload `besides` left out. A reservation ends by
    time, whether a job has run or not.
    """
    return Statement(
        """
        select (select quota_bytes from organizations where id = %(organization)s) as "limit",
               (select coalesce(sum(bytes), 0) from storage_usage where organization_id = %(organization)s)::bigint
             + (select coalesce(sum(delta_bytes), 0) from storage_ledger where organization_id = %(organization)s and not folded)::bigint as stored,
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
    """No row: the uploader is no member of the organization any more, or the organization was deleted."""
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


# For jobs, which cross organizations.


def lapsing(now: datetime, after: UUID | None, limit: int) -> Statement[Upload]:
    """Open uploads whose session, or whose completing call's lease, is over."""
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


def standing_still(before: datetime, after: UUID | None, limit: int) -> Statement[Upload]:
    """Uploads that are stored and that nobody has worked on since."""
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


def resend(organization: UUID, upload: UUID) -> Statement[Resent]:
    """Counts one more try; the row is touched, so that the next look waits again."""
    return Statement(
        """
        update uploads
           set resent = resent + 1, updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and state in ('stored', 'processing')
        returning resent as times
        """,
        Resent,
        organization=organization,
        upload=upload,
    )


@dataclass(frozen=True, slots=True)
class Resent:
    times: int


def of_multiparts(store_upload_ids: Sequence[str]) -> Statement[Upload]:
    """The uploads, still wanted, behind the store's own ids."""
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
