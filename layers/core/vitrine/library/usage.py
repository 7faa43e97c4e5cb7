"""The storage that an organization uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import db, queries

if TYPE_CHECKING:
    from vitrine.models.deletions import Usage
    from vitrine.models.people import Caller


def read(caller: Caller) -> Usage:
    """Bytes and number of originals of the caller's organization, as of now."""
    return db.read(caller, queries.usage.read(caller.organization_id))[0]
