"""Who holds a credential, in which organization, and whether the route's item is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine.db import Statement
from vitrine.models import Identity

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models import ItemKind


def authenticate(
    credential: bytes, *, organization: UUID | None, item_kind: ItemKind | None, item_id: UUID | None, item_key: str | None, item_decides: bool
) -> Statement[Identity]:
    """One row for a credential (its SHA-256) that is good, none otherwise. Asked as Nobody: the definer function behind it looks past the wall."""
    return Statement(
        """
        select user_id, email, user_name, key_id, scopes, organization_state, organization_id, organization_name, role, item_state
          from authenticate(%(credential)s, %(organization)s::uuid, %(item_kind)s::text, %(item_id)s::uuid, %(item_key)s::text, %(item_decides)s)
        """,
        {
            "credential": credential,
            "organization": organization,
            "item_kind": item_kind,
            "item_id": item_id,
            "item_key": item_key,
            "item_decides": item_decides,
        },
        Identity,
    )
