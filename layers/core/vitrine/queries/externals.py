"""Items whose bytes lie at somebody else's URL, and their being fetched from there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models.media import MediaType, Processing
    from vitrine.models.uploads import Stored, Upload


@dataclass(frozen=True, slots=True)
class External:
    """An item to be, whose bytes lie elsewhere. Sizes as declared."""

    organization: UUID
    id: UUID  # of the item, and of its version
    collection: UUID
    user: UUID
    upload: UUID | None  # that is to fetch it; None: it stays where it is
    type: MediaType
    url: str
    name: str
    filename: str
    mime_type: str
    size_bytes: int
    width: int | None
    height: int | None
    title: str | None
    alt: str | None
    caption: str | None
    link_token: str
    processing: Processing


@dataclass(frozen=True, slots=True)
class Source:
    url: str


def insert_media(new: External) -> Statement[object]:
    """The item is there, and shown at once: there are no bytes of ours to be held against its type."""
    return Statement(
        """
        insert into media (organization_id, id, collection_id, type, name, title, alt, caption, link_token, active_version_id, filename, mime_type,
                           size_bytes, width, height, processing, verified_at, created_by)
        values (%(organization)s, %(id)s, %(collection)s, %(type)s, %(name)s, %(title)s, %(alt)s, %(caption)s, %(link_token)s, %(id)s, %(filename)s,
                %(mime_type)s, %(size_bytes)s, %(width)s, %(height)s, %(processing)s, now(), %(user)s)
        """,
        nothing,
        **asdict(new),
    )


def insert(new: External) -> Statement[object]:
    """The version is there, and stores nothing."""
    return Statement(
        """
        insert into versions (organization_id, id, media_id, number, type, upload_id, external_url, filename, mime_type, size_bytes, stored_bytes,
                              width, height, processing, verified_at, created_by)
        values (%(organization)s, %(id)s, %(id)s, 1, %(type)s, %(upload)s, %(url)s, %(filename)s, %(mime_type)s, %(size_bytes)s, 0, %(width)s,
                %(height)s, %(processing)s, now(), %(user)s)
        """,
        nothing,
        **asdict(new),
    )


def source(organization: UUID, version: UUID) -> Statement[Source]:
    """Where the version's bytes lie. No row: it is gone, or they lie here."""
    return Statement(
        """
        select external_url as url
          from versions
         where organization_id = %(organization)s
           and id = %(version)s
           and external_url is not null
        """,
        Source,
        organization=organization,
        version=version,
    )


def set_target(
    organization: UUID, upload: UUID, lease_id: UUID, store_upload_id: str, mime_type: str
) -> Statement[object]:
    """The import goes, as what its first bytes say it is, into this multipart upload of the store. No
    row: it is not this call's any more.
    """
    return Statement(
        """
        update uploads
           set store_upload_id = %(store_upload_id)s, mime_type = %(mime_type)s, updated_at = now()
         where organization_id = %(organization)s
           and id = %(upload)s
           and state = 'completing'
           and lease_id = %(lease_id)s
        returning id
        """,
        dict,
        organization=organization,
        upload=upload,
        lease_id=lease_id,
        store_upload_id=store_upload_id,
        mime_type=mime_type,
    )


def attach_object(upload: Upload, stored: Stored) -> Statement[object]:
    """The version's bytes lie here now; what the declaration said of them is forgotten."""
    return Statement(
        """
        update versions
           set key = %(key)s, external_url = null, mime_type = %(mime_type)s, size_bytes = %(bytes)s, stored_bytes = %(bytes)s,
               checksum = %(checksum)s, width = null, height = null, updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
        """,
        nothing,
        organization=upload.organization_id,
        version=upload.version_id,
        key=stored.key,
        mime_type=upload.mime_type,
        bytes=stored.bytes,
        checksum=stored.checksum,
    )
