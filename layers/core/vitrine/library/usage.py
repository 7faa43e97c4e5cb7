"""What an organization stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import db
from vitrine.queries import usage as queries

if TYPE_CHECKING:
    from vitrine.models import Caller, Usage


def read(caller: Caller) -> Usage:
    """Bytes and originals of the caller's organization, as of now."""
    return db.read(caller, queries.read(caller.organization_id))[0]
