"""The versions of an item: insert, lock, select, delete and show them.

A transaction that changes a version locks the version's item first (`lock_item`, `lock_item_of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from vitrine.db import Statement, nothing
from vitrine.queries.media_columns import COLUMNS_WITHOUT_COUNTS, VERSION, VERSION_JOINS, as_media

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models.media import Media, MediaType, Processing, Status
    from vitrine.models.uploads import Stored, Upload
    from vitrine.queries.ledger import State


@dataclass(frozen=True, slots=True)
class LockedVersion:
    """A version whose item is locked."""

    id: UUID
    media_id: UUID
    is_active: bool
    collection_id: UUID
    place_id: UUID
    media_type: MediaType
    media_status: Status
    media_verified: bool
    type: MediaType
    status: Status
    processing: Processing
    verified: bool
    stored_bytes: int
    generation: int  # of its frames; 0: the version has no frames
    is_reprocess_requested: bool

    @property
    def awaits_frames(self) -> bool:
        """Whether the version awaits its first frames or new ones."""
        return self.processing == "pending" or self.is_reprocess_requested

    @property
    def counted_as(self) -> State:
        """The state under which the ledger counts the version's bytes."""
        return "active" if self.status == "active" else "trash"


@dataclass(frozen=True, slots=True)
class VersionedItem:
    """An active item that was looked up by its own id or by the id of one of its active versions."""

    media_id: UUID
    collection_id: UUID
    is_folder: bool  # a folder has no versions
    active_versions: int


@dataclass(frozen=True, slots=True)
class OtherVersions:
    """Whether an item has versions besides one of them."""

    in_item_state: bool  # one of them is active together with the item, or was deleted by the same deletion
    any: bool


@dataclass(frozen=True, slots=True)
class VersionNumber:
    n: int


@dataclass(frozen=True, slots=True)
class ActiveVersion:
    """The version that an item now shows, and what the item showed before."""

    id: UUID  # the version's
    status: Status  # the item's
    collection_id: UUID
    place_id: UUID
    type: MediaType
    verified: bool
    was_type: MediaType
    was_verified: bool


def insert_media(
    upload: Upload, stored: Stored, *, parent: UUID | None, media_type: MediaType, link_token: str
) -> Statement[object]:
    """Insert the item of an upload; its bytes are not yet verified."""
    return Statement(
        """
        insert into media (organization_id, id, collection_id, parent_id, type, name, title, alt, caption,
                           link_token, active_version_id, filename, mime_type, size_bytes, processing,
                           created_by)
        values (%(organization)s, %(media)s, %(collection)s, %(parent)s, %(type)s, %(name)s, %(title)s,
                %(alt)s, %(caption)s, %(link_token)s, %(version)s, %(filename)s, %(mime_type)s, %(bytes)s,
                'pending', %(user)s)
        """,
        nothing,
        organization=upload.organization_id,
        media=upload.media_id,
        collection=upload.collection_id,
        parent=parent,
        type=media_type,
        name=upload.name,
        title=upload.title,
        alt=upload.alt,
        caption=upload.caption,
        link_token=link_token,
        version=upload.version_id,
        filename=upload.filename,
        mime_type=upload.mime_type,
        bytes=stored.bytes,
        user=upload.user_id,
    )


def next_number(organization: UUID, media: UUID) -> Statement[VersionNumber]:
    """Reserve the number of a new version, and lock the item until the transaction ends. No row: the item is
    deleted.
    """
    return Statement(
        """
        update media
           set next_version = next_version + 1, row_version = row_version + 1
         where organization_id = %(organization)s
           and id = %(media)s
           and status = 'active'
        returning next_version - 1 as n
        """,
        VersionNumber,
        organization=organization,
        media=media,
    )


def insert(upload: Upload, stored: Stored, number: int, media_type: MediaType) -> Statement[object]:
    """Insert the version of an upload; its bytes are not yet verified."""
    return Statement(
        """
        insert into versions (organization_id, id, media_id, number, type, upload_id, key, filename,
                              mime_type, size_bytes, stored_bytes, checksum, created_by)
        values (%(organization)s, %(version)s, %(media)s, %(number)s, %(type)s, %(upload)s, %(key)s,
                %(filename)s, %(mime_type)s, %(bytes)s, %(bytes)s, %(checksum)s, %(user)s)
        """,
        nothing,
        organization=upload.organization_id,
        version=upload.version_id,
        media=upload.media_id,
        number=number,
        type=media_type,
        upload=upload.id,
        key=stored.key,
        filename=upload.filename,
        mime_type=upload.mime_type,
        bytes=stored.bytes,
        checksum=stored.checksum,
        user=upload.user_id,
    )


def lock_item(organization: UUID, media: UUID) -> Statement[object]:
    """Lock the item before one of its versions changes. One lock for all versions of an item avoids
    deadlocks.
    """
    return Statement(
        "select id from media where organization_id = %(organization)s and id = %(media)s for update",
        nothing,
        organization=organization,
        media=media,
    )


def lock_item_of(organization: UUID, version: UUID) -> Statement[object]:
    """Lock the item of this version before one of its versions changes."""
    return Statement(
        """
        select id
          from media
         where organization_id = %(organization)s
           and id = (select media_id
                       from versions
                      where organization_id = %(organization)s
                        and id = %(version)s)
           for update
        """,
        nothing,
        organization=organization,
        version=version,
    )


def get_locked(organization: UUID, version: UUID) -> Statement[LockedVersion]:
    """The version, after its item was locked. No row: the version does not exist any more.

    Run it as a statement after `lock_item`: a row read by the locking statement itself may be older than the
    lock.
    """
    return Statement(
        """
        select v.id, v.media_id, m.active_version_id = v.id as is_active, m.collection_id, m.place_id,
               m.type as media_type, m.status as media_status, m.verified_at is not null as media_verified,
               v.type, v.status, v.processing, v.verified_at is not null as verified, v.stored_bytes,
               v.generation, v.reprocess_requested_at is not null as is_reprocess_requested
          from versions v
          join media m on m.organization_id = v.organization_id and m.id = v.media_id
         where v.organization_id = %(organization)s
           and v.id = %(version)s
        """,
        LockedVersion,
        organization=organization,
        version=version,
    )


def select(organization: UUID, media: UUID, version: UUID) -> Statement[object]:
    """Make this version the item's active one, and keep it active when newer versions arrive. If the version
    is the newest that is ready, it is not kept: the next version replaces it, as without a selection.

    `show_active` then copies the version's columns to the item.
    """
    return Statement(
        """
        update media
           set active_version_id = %(version)s,
               version_selected = exists (
                 select
                   from versions chosen
                   join versions newer on newer.organization_id = %(organization)s
                                      and newer.media_id = chosen.media_id
                                      and newer.number > chosen.number
                                      and newer.status = 'active'
                                      and newer.processing = 'ready'
                  where chosen.organization_id = %(organization)s
                    and chosen.id = %(version)s)
         where organization_id = %(organization)s
           and id = %(media)s
        """,
        nothing,
        organization=organization,
        media=media,
        version=version,
    )


def show_active(organization: UUID, media: UUID, actor: UUID | None = None) -> Statement[ActiveVersion]:
    """Make the item show the version that is to be active: the selected one; else the newest that is ready;
    else the version shown so far; else the newest. Only versions that are active, or were deleted together
    with the item, are considered.

    `actor` is None when processing, not a person, changes the item. No row: the item does not exist, or has
    no such version.
    """
    return Statement(
        """
        with item as (
          select id, collection_id, place_id, status, deletion_id, type, verified_at, active_version_id,
                 version_selected
            from media
           where organization_id = %(organization)s
             and id = %(media)s
        ), chosen as (
          select v.id, v.type, v.filename, v.mime_type, v.size_bytes, v.width, v.height, v.duration, v.sha256,
                 v.placeholder, v.taken_at, v.taken_zone, v.processing, v.processing_reason, v.moderation,
                 v.verified_at
            from item
            join versions v on v.organization_id = %(organization)s
                           and v.media_id = item.id
                           and v.deletion_id is not distinct from item.deletion_id
           order by (item.version_selected and v.id = item.active_version_id) desc,
                    (v.processing = 'ready') desc,
                    case when v.processing = 'ready' then v.number end desc,
                    (v.id = item.active_version_id) desc,
                    v.number desc
           limit 1
        ), shown as (
          update media m
             set active_version_id = v.id,
                 version_selected = m.version_selected and v.id = m.active_version_id, type = v.type,
                 filename = v.filename, mime_type = v.mime_type, size_bytes = v.size_bytes, width = v.width,
                 height = v.height, duration = v.duration, sha256 = v.sha256, placeholder = v.placeholder,
                 taken_at = v.taken_at, taken_zone = v.taken_zone, processing = v.processing,
                 processing_reason = v.processing_reason, moderation = v.moderation,
                 verified_at = v.verified_at, row_version = m.row_version + 1, updated_at = now(),
                 updated_by = coalesce(%(actor)s, m.updated_by)
            from chosen v
           where m.organization_id = %(organization)s
             and m.id = %(media)s
        )
        select chosen.id, item.status, item.collection_id, item.place_id, chosen.type,
               chosen.verified_at is not null as verified, item.type as was_type,
               item.verified_at is not null as was_verified
          from item, chosen
        """,
        ActiveVersion,
        organization=organization,
        media=media,
        actor=actor,
    )


def get_others(organization: UUID, version: UUID) -> Statement[OtherVersions]:
    """Whether the item of this version has other versions."""
    return Statement(
        """
        select coalesce(bool_or(other.deletion_id is not distinct from media.deletion_id), false)
                 as in_item_state,
               count(*) > 0 as any
          from versions one
          join media on media.organization_id = %(organization)s and media.id = one.media_id
          join versions other on other.organization_id = %(organization)s
                             and other.media_id = one.media_id
                             and other.id <> one.id
         where one.organization_id = %(organization)s
           and one.id = %(version)s
        """,
        OtherVersions,
        organization=organization,
        version=version,
    )


def mark(organization: UUID, deletion: UUID, version: UUID) -> Statement[object]:
    """Mark the version as deleted by this deletion."""
    return Statement(
        """
        update versions
           set status = 'deleted', deletion_id = %(deletion)s, updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
           and status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        version=version,
    )


def delete(organization: UUID, version: UUID) -> Statement[object]:
    """Delete the version; its frames are deleted with it."""
    return Statement(
        "delete from versions where organization_id = %(organization)s and id = %(version)s",
        nothing,
        organization=organization,
        version=version,
    )


def delete_media(organization: UUID, media: UUID) -> Statement[object]:
    """Delete the item; its versions, frames and tags are deleted with it."""
    return Statement(
        "delete from media where organization_id = %(organization)s and id = %(media)s",
        nothing,
        organization=organization,
        media=media,
    )


def get_item(organization: UUID, item: UUID) -> Statement[VersionedItem]:
    """The active item with this id, or the item of the active version with this id. No row: it is deleted or
    never existed.
    """
    return Statement(
        """
        select media.id as media_id, media.collection_id, media.type = 'folder' as is_folder,
               (select count(*)
                  from versions
                 where versions.organization_id = %(organization)s
                   and versions.media_id = media.id
                   and versions.status = 'active') as active_versions
          from media
         where media.organization_id = %(organization)s
           and media.status = 'active'
           and media.id = (select media_id
                             from versions
                            where organization_id = %(organization)s
                              and id = %(item)s
                              and status = 'active'
                           union all
                           select %(item)s
                           limit 1)
        """,
        VersionedItem,
        organization=organization,
        item=item,
    )


def get(organization: UUID, version: UUID) -> Statement[Media]:
    """The version as itself. No row: the version or its item is deleted, or the version never existed."""
    return Statement(
        f"{_SELECT} {VERSION} and version.id = %(version)s) as media {VERSION_JOINS} {_IN_ACTIVE_COLLECTION}",
        as_media,
        organization=organization,
        version=version,
    )


def list_of_item(organization: UUID, item: UUID) -> Statement[Media]:
    """The active versions of an active item, each as itself, the first version first."""
    return Statement(
        f"""
        {_SELECT}
        {VERSION}
           and version.media_id = %(item)s) as media
        {VERSION_JOINS}
        {_IN_ACTIVE_COLLECTION}
         order by version_number
        """,
        as_media,
        organization=organization,
        item=item,
    )


_SELECT: LiteralString = f"select {COLUMNS_WITHOUT_COUNTS}, media.source_media_id, media.is_active from ("
_IN_ACTIVE_COLLECTION: LiteralString = "where collection.status = 'active'"
