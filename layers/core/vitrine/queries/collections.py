"""Collections, and the locks on their rows that protect the places of items."""

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
    """The organization's collections, oldest first."""
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
    """The collection. No row: it is deleted or never existed."""
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
    """The collection for uploads that name none. Every organization has exactly one."""
    return Statement(
        f"select {_COLUMNS} from collections where organization_id = %(organization)s and is_default",
        Collection,
        organization=organization,
    )


def insert(
    organization: UUID, collection: UUID, name: str, icon: str | None, creator: UUID
) -> Statement[Collection]:
    """Insert a collection."""
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
    """Lock the collection (None: the default one) so that nothing in it is moved, deleted or restored until
    the transaction ends. Other transactions can insert items meanwhile.

    Read places in a following statement: rows read by the locking statement itself may be older than the
    lock.
    """
    return Statement(
        """
        select id
          from collections
         where organization_id = %(organization)s
           and id = coalesce(%(collection)s::uuid,
                             (select id
                                from collections
                               where organization_id = %(organization)s
                                 and is_default))
           for share
        """,
        nothing,
        organization=organization,
        collection=collection,
    )


def lock_for_change(organization: UUID, item: UUID) -> Statement[object]:
    """Lock the collection of this item or version, so that other transactions insert, move, delete and
    restore nothing in it until the transaction ends.

    Read places in a following statement: rows read by the locking statement itself may be older than the
    lock.
    """
    return Statement(
        """
        select id
          from collections
         where organization_id = %(organization)s
           and id = (select collection_id
                       from media
                      where organization_id = %(organization)s
                        and id = %(item)s
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
    """Lock the collection, so that other transactions insert, move, delete and restore nothing in it until
    the transaction ends. No row: it is deleted or never existed.
    """
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
    """Lock the collection's row, deleted or not. Read the collection in a following statement: a row read by
    the locking statement itself may be older than the lock.
    """
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


def update(
    organization: UUID, collection: UUID, name: str | None, icon: str | None, actor: UUID
) -> Statement[Collection]:
    """Set the locked collection's name and icon. None leaves a value unchanged; an empty icon removes the
    icon.
    """
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
    """Mark the collection as deleted by this deletion."""
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
    """Make the collection active again."""
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
