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
    """What the permanent link leads to. Raises NotFound: taken back (deleted, blocked), not yet verified,
    or no such link.
    """
    found = read(Nobody(), queries.links.target(media, token))
    if not found:
        raise NotFound("Not found")
    return found[0]
