"""Items whose bytes are at a URL on another server, and fetching them."""

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
    """A new item whose bytes are at a URL. Size and type are as declared."""

    organization: UUID
    id: UUID  # of the item and of its version
    collection: UUID
    user: UUID
    upload: UUID | None  # the import that will fetch the file; None: it stays a URL
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
    """Insert the item. It is verified at once: there are no bytes of ours to compare with its type."""
    return Statement(
        """
        insert into media (organization_id, id, collection_id, type, name, title, alt, caption, link_token,
                           active_version_id, filename, mime_type, size_bytes, width, height, processing,
                           verified_at, created_by)
        values (%(organization)s, %(id)s, %(collection)s, %(type)s, %(name)s, %(title)s, %(alt)s, %(caption)s,
                %(link_token)s, %(id)s, %(filename)s, %(mime_type)s, %(size_bytes)s, %(width)s, %(height)s,
                %(processing)s, now(), %(user)s)
        """,
        nothing,
        **asdict(new),
    )


def insert(new: External) -> Statement[object]:
    """Insert the version, which stores no bytes."""
    return Statement(
        """
        insert into versions (organization_id, id, media_id, number, type, upload_id, external_url, filename,
                              mime_type, size_bytes, stored_bytes, width, height, processing, verified_at,
                              created_by)
        values (%(organization)s, %(id)s, %(id)s, 1, %(type)s, %(upload)s, %(url)s, %(filename)s,
                %(mime_type)s, %(size_bytes)s, 0, %(width)s, %(height)s, %(processing)s, now(), %(user)s)
        """,
        nothing,
        **asdict(new),
    )


def source(organization: UUID, version: UUID) -> Statement[Source]:
    """Read the URL of a version. No row: the version is gone, or its bytes are in our store."""
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
    """Record the store's multipart upload that the import is put into, and the type that its first bytes
    have. No row: the lease is another call's.
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
    """Make the stored object the version's original. The declared size and dimensions are replaced."""
    return Statement(
        """
        update versions
           set key = %(key)s, external_url = null, mime_type = %(mime_type)s,
               size_bytes = %(bytes)s, stored_bytes = %(bytes)s,
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
