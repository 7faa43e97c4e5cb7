"""Collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine.credentials import mint_id
from vitrine.db import read, write
from vitrine.library import clean_name
from vitrine.queries import collections as queries

if TYPE_CHECKING:
    from vitrine.models import Caller, Collection


def listed(caller: Caller) -> list[Collection]:
    """The caller's organization's, oldest first."""
    return read(caller, queries.active(caller.organization_id))


def create(caller: Caller, name: str, icon: str | None) -> Collection:
    """There is a new, empty collection; names may repeat. Raises Invalid for a name or an icon that cannot be one."""
    collection = queries.insert(
        caller.organization_id, mint_id(), clean_name(name), clean_name(icon, "icon") if icon is not None else None, caller.user_id
    )
    return write(caller, collection)[0]
