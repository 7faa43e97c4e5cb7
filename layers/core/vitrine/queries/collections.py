"""Collections, and the locks on their rows under which the places of things are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from vitrine.db import Statement, nothing
from vitrine.models.places import Collection
from vitrine.queries import TOUCHED

if TYPE_CHECKING:
    from uuid import UUID

_COLUMNS: LiteralString = (
    "id, organization_id, name, icon, type, is_default, row_version, created_at, updated_at"
)


def list_active(organization: UUID) -> Statement[Collection]:
    """Those of an organization, oldest first."""
    return Statement(
        f"""
        select {_COLUMNS}
          from collections
         where organization_id = %(organization)s
           and status = 'active'
         order by created_at, id
        """,
        Collection,
        organization=organization,
    )


def get(organization: UUID, collection: UUID) -> Statement[Collection]:
    """No row: deleted, or never there."""
    return Statement(
        f"""
        select {_COLUMNS}
          from collections
         where organization_id = %(organization)s
           and id = %(collection)s
           and status = 'active'
        """,
        Collection,
        organization=organization,
        collection=collection,
    )


def get_default(organization: UUID) -> Statement[Collection]:
    """Where an upload that names no collection goes; every organization has exactly one."""
    return Statement(
        f"select {_COLUMNS} from collections where organization_id = %(organization)s and is_default",
        Collection,
        organization=organization,
    )


def insert(
    organization: UUID, collection: UUID, name: str, icon: str | None, creator: UUID
) -> Statement[Collection]:
    return Statement(
        f"""
        insert into collections (organization_id, id, name, icon, created_by)
        values (%(organization)s, %(collection)s, %(name)s, %(icon)s, %(creator)s)
        returning {_COLUMNS}""",
        Collection,
        organization=organization,
        collection=collection,
        name=name,
        icon=icon,
        creator=creator,
    )


def lock_for_insert(organization: UUID, collection: UUID | None) -> Statement[object]:
    """Nothing of this collection (None: of the default one) is moved, deleted or restored until the
    transaction ends; other births go on beside it.

    The state of places must be read by a later statement: this one may have waited, and reads as of before it
    did.
    """
    return Statement(
        """
        select id
          from collections
         where organization_id = %(organization)s
           and id = coalesce(%(collection)s::uuid, (select id from collections where organization_id = %(organization)s and is_default))
           for share
        """,
        nothing,
        organization=organization,
        collection=collection,
    )


def lock_for_change(organization: UUID, item: UUID) -> Statement[object]:
    """In the collection of this item, or version, nothing is born, moved, deleted or restored by others until
    the transaction ends. Read on as
    above.
    """
    return Statement(
        """
        select id
          from collections
         where organization_id = %(organization)s
           and id = (select collection_id from media where organization_id = %(organization)s and id = %(item)s
                     union all
                     select media.collection_id
                       from versions
                       join media on media.organization_id = %(organization)s and media.id = versions.media_id
                      where versions.organization_id = %(organization)s and versions.id = %(item)s
                      limit 1)
           for no key update
        """,
        nothing,
        organization=organization,
        item=item,
    )


def lock(organization: UUID, collection: UUID) -> Statement[Collection]:
    """The same of the collection itself. No row: deleted, or never there."""
    return Statement(
        f"""
        select {_COLUMNS}
          from collections
         where organization_id = %(organization)s
           and id = %(collection)s
           and status = 'active'
           for no key update
        """,
        Collection,
        organization=organization,
        collection=collection,
    )


def lock_in_any_state(organization: UUID, collection: UUID) -> Statement[object]:
    """The same, whether it lives or not. Read on as above."""
    return Statement(
        """
        select id
          from collections
         where organization_id = %(organization)s
           and id = %(collection)s
           for no key update
        """,
        nothing,
        organization=organization,
        collection=collection,
    )


# Changing. The collection is held first.


def update(
    organization: UUID, collection: UUID, name: str | None, icon: str | None, actor: UUID
) -> Statement[Collection]:
    """It has this name and this icon, an empty one being none; None: as it was."""
    return Statement(
        f"""
        update collections
           set name = coalesce(%(name)s, name), icon = nullif(coalesce(%(icon)s, icon), ''),
               {TOUCHED}
         where organization_id = %(organization)s
           and id = %(collection)s
           and status = 'active'
        returning {_COLUMNS}""",
        Collection,
        organization=organization,
        collection=collection,
        name=name,
        icon=icon,
        actor=actor,
    )


def mark(organization: UUID, deletion: UUID, collection: UUID, actor: UUID) -> Statement[object]:
    """The collection is deleted by this act."""
    return Statement(
        f"""
        update collections
           set status = 'deleted', deletion_id = %(deletion)s, {TOUCHED}
         where organization_id = %(organization)s
           and id = %(collection)s
           and status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        collection=collection,
        actor=actor,
    )


def unmark(organization: UUID, collection: UUID, actor: UUID) -> Statement[object]:
    """The collection lives again."""
    return Statement(
        f"""
        update collections
           set status = 'active', deletion_id = null, {TOUCHED}
         where organization_id = %(organization)s
           and id = %(collection)s
           and status = 'deleted'
        """,
        nothing,
        organization=organization,
        collection=collection,
        actor=actor,
    )
