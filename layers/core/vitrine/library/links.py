"""Permanent links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.db import read
from vitrine.errors import NotFound
from vitrine.models.people import Nobody

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models.media import Link


def target(media: UUID, token: str) -> Link:
    """The target of a permanent link. Raises NotFound when the item is deleted, blocked or not yet verified,
    or there is no such link.
    """
    found = read(Nobody(), queries.links.target(media, token))
    if not found:
        raise NotFound("Not found")
    return found[0]
