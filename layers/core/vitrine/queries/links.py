"""The targets of permanent links. They are read without a caller, before an organization is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine.db import Statement
from vitrine.models.media import Link

if TYPE_CHECKING:
    from uuid import UUID


def target(media: UUID, token: str) -> Statement[Link]:
    """The target of a permanent link. No row: the item is deleted, blocked or not yet verified, or there is
    no such link.
    """
    return Statement(
        """
        select organization_id, name, filename, mime_type, processing, key, external_url, frame_key,
               frame_mime_type, thumbnail_key
          from link_target(%(media)s, %(token)s)
        """,
        Link,
        media=media,
        token=token,
    )
