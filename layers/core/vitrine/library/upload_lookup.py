"""Finding an upload's row: by the key that an event names, or by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.db import read
from vitrine.models.people import Consumer, Nobody

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models.people import Actor
    from vitrine.models.uploads import Upload, UploadReference


def locate(key: str) -> UploadReference | None:
    """Return the organization and id of the upload whose object has this key, or None.

    The query calls a security definer function: row-level security hides the table while the organization is
    unknown. Use `find` to read the upload itself.
    """
    references = read(Nobody(), queries.uploads.locate(key))
    return references[0] if references else None


def find(actor: Actor, organization: UUID, upload_id: UUID) -> Upload | None:
    """Return the upload as it is now, or None."""
    uploads = read(actor, queries.uploads.by_id(organization, upload_id))
    return uploads[0] if uploads else None


def find_by_key(key: str) -> Upload | None:
    """Return the upload whose object has this key, whatever its organization, or None."""
    reference = locate(key)
    if reference is None:
        return None
    return find(Consumer(reference.organization_id), reference.organization_id, reference.id)
