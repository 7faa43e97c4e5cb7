"""The bytes of an item, and what was made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models import MediaType, Processing, Status, Stored, Upload


@dataclass(frozen=True, slots=True)
class Attempt:
    """A version that waits for its frames, and the generation under which this attempt writes them."""

    id: UUID
    media_id: UUID
    key: str
    generation: int
    mime_type: str


@dataclass(frozen=True, slots=True)
class Held:
    """A version whose item is locked."""

    id: UUID
    media_id: UUID
    is_active: bool
    collection_id: UUID
    place_id: UUID
    media_type: MediaType
    media_status: Status
    media_verified: bool
    status: Status
    processing: Processing
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class NewFrame:
    """A frame to be: where it and its thumbnail are, in pixels."""

    ordinal: int
    key: str
    mime_type: str
    width: int
    height: int
    thumbnail_key: str
    thumbnail_width: int
    thumbnail_height: int
    at_seconds: float = 0.0


def birth_media(upload: Upload, stored: Stored, *, parent: UUID | None, media_type: MediaType, link_token: str) -> Statement[object]:
    """The item is there, its bytes not yet verified."""
    return Statement(
        """
        insert into media (organization_id, id, collection_id, parent_id, type, name, title, alt, caption, link_token, active_version_id,
                           filename, mime_type, size_bytes, processing, created_by)
        values (%(organization)s, %(media)s, %(collection)s, %(parent)s, %(type)s, %(name)s, %(title)s, %(alt)s, %(caption)s, %(link_token)s,
                %(version)s, %(filename)s, %(mime_type)s, %(bytes)s, 'pending', %(user)s)
        """,
        {
            "organization": upload.organization_id, "media": upload.media_id, "collection": upload.collection_id, "parent": parent,
            "type": media_type, "name": upload.name, "title": upload.title, "alt": upload.alt, "caption": upload.caption,
            "link_token": link_token, "version": upload.version_id, "filename": upload.filename, "mime_type": upload.mime_type,
            "bytes": stored.bytes, "user": upload.user_id,
        },
        nothing,
    )


def birth(upload: Upload, stored: Stored, number: int) -> Statement[object]:
    """The version is there, its bytes not yet verified."""
    return Statement(
        """
        insert into versions (organization_id, id, media_id, number, upload_id, key, filename, mime_type, size_bytes, stored_bytes, checksum,
                              created_by)
        values (%(organization)s, %(version)s, %(media)s, %(number)s, %(upload)s, %(key)s, %(filename)s, %(mime_type)s, %(bytes)s, %(bytes)s,
                %(checksum)s, %(user)s)
        """,
        {
            "organization": upload.organization_id, "version": upload.version_id, "media": upload.media_id, "number": number,
            "upload": upload.id, "key": stored.key, "filename": upload.filename, "mime_type": upload.mime_type, "bytes": stored.bytes,
            "checksum": stored.checksum, "user": upload.user_id,
        },
        nothing,
    )


def attempt(organization: UUID, version: UUID) -> Statement[Attempt]:
    """A new attempt at a version that waits: it writes under a generation of its own. No row: it does not wait."""
    return Statement(
        """
        update versions
           set last_generation = last_generation + 1, updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
           and processing = 'pending'
           and key is not null
        returning id, media_id, key, last_generation as generation, mime_type
        """,
        {"organization": organization, "version": version}, Attempt,
    )


def lock_item(organization: UUID, media: UUID) -> Statement[object]:
    """Who changes a version holds its item first: one lock for the whole family, so that no two wait for each other crosswise."""
    return Statement(
        "select id from media where organization_id = %(organization)s and id = %(media)s for update",
        {"organization": organization, "media": media}, nothing,
    )


def held(organization: UUID, version: UUID) -> Statement[Held]:
    """The version as it is now. No row: it is gone.

    To be sent after `lock_item`, as a statement of its own: one that waited for the lock itself would show the version as it was before.
    """
    return Statement(
        """
        select v.id, v.media_id, m.active_version_id = v.id as is_active, m.collection_id, m.place_id, m.type as media_type,
               m.status as media_status, m.verified_at is not null as media_verified, v.status, v.processing, v.stored_bytes
          from versions v
          join media m on m.organization_id = v.organization_id and m.id = v.media_id
         where v.organization_id = %(organization)s
           and v.id = %(version)s
        """,
        {"organization": organization, "version": version}, Held,
    )


def verify(organization: UUID, version: UUID, *, width: int | None, height: int | None) -> Statement[object]:
    """The head of the bytes has been held against their type; what is made of them is to come."""
    return Statement(
        """
        update versions
           set width = %(width)s, height = %(height)s, verified_at = now(), updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
           and verified_at is null
        """,
        {"organization": organization, "version": version, "width": width, "height": height}, nothing,
    )


def record(
    organization: UUID, version: UUID, *,
    mime_type: str, sha256: bytes | None, width: int | None, height: int | None, placeholder: bytes | None,
    processing: Literal["ready", "failed"], reason: str | None, generation: int,
) -> Statement[object]:
    """The bytes are verified, and this was made of them."""
    return Statement(
        """
        update versions
           set mime_type = %(mime_type)s, sha256 = %(sha256)s, width = %(width)s, height = %(height)s, placeholder = %(placeholder)s,
               processing = %(processing)s, processing_reason = %(reason)s, generation = %(generation)s,
               verified_at = coalesce(verified_at, now()), updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
        """,
        {
            "organization": organization, "version": version, "mime_type": mime_type, "sha256": sha256, "width": width, "height": height,
            "placeholder": placeholder, "processing": processing, "reason": reason, "generation": generation,
        },
        nothing,
    )


def fail(organization: UUID, version: UUID, reason: str) -> Statement[object]:
    """Nothing could be made of the bytes; they are kept, listed and counted."""
    return Statement(
        """
        update versions
           set processing = 'failed', processing_reason = %(reason)s, verified_at = coalesce(verified_at, now()), updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
        """,
        {"organization": organization, "version": version, "reason": reason}, nothing,
    )


def show_active(organization: UUID, media: UUID, media_type: MediaType) -> Statement[object]:
    """The item shows what its active version is."""
    return Statement(
        """
        update media m
           set type = %(type)s,
               filename = v.filename, mime_type = v.mime_type, size_bytes = v.size_bytes, width = v.width, height = v.height,
               duration = v.duration, sha256 = v.sha256, placeholder = v.placeholder, taken_at = v.taken_at, taken_zone = v.taken_zone,
               processing = v.processing, processing_reason = v.processing_reason, moderation = v.moderation, verified_at = v.verified_at,
               row_version = m.row_version + 1, updated_at = now()
          from versions v
         where m.organization_id = %(organization)s
           and m.id = %(media)s
           and v.organization_id = m.organization_id
           and v.id = m.active_version_id
        """,
        {"organization": organization, "media": media, "type": media_type}, nothing,
    )


def put_frame(organization: UUID, version: UUID, generation: int, frame: NewFrame, new_id: UUID) -> Statement[object]:
    """The frame of this ordinal is this one; it keeps the id it had."""
    return Statement(
        """
        insert into frames (organization_id, id, version_id, ordinal, generation, key, mime_type, width, height,
                            thumbnail_key, thumbnail_width, thumbnail_height, at_seconds)
        values (%(organization)s, %(id)s, %(version)s, %(ordinal)s, %(generation)s, %(key)s, %(mime_type)s, %(width)s, %(height)s,
                %(thumbnail_key)s, %(thumbnail_width)s, %(thumbnail_height)s, %(at_seconds)s)
        on conflict (organization_id, version_id, ordinal) do update
           set generation = excluded.generation, key = excluded.key, mime_type = excluded.mime_type, width = excluded.width,
               height = excluded.height, thumbnail_key = excluded.thumbnail_key, thumbnail_width = excluded.thumbnail_width,
               thumbnail_height = excluded.thumbnail_height, at_seconds = excluded.at_seconds
        """,
        {
            "organization": organization, "id": new_id, "version": version, "ordinal": frame.ordinal, "generation": generation,
            "key": frame.key, "mime_type": frame.mime_type, "width": frame.width, "height": frame.height, "thumbnail_key": frame.thumbnail_key,
            "thumbnail_width": frame.thumbnail_width, "thumbnail_height": frame.thumbnail_height, "at_seconds": frame.at_seconds,
        },
        nothing,
    )


def delete_media(organization: UUID, media: UUID) -> Statement[object]:
    """The item is gone; its versions, frames and tags with it."""
    return Statement(
        "delete from media where organization_id = %(organization)s and id = %(media)s",
        {"organization": organization, "media": media}, nothing,
    )
