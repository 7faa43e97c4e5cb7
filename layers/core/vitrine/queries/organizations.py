"""Organizations, people and keys, as the worker inserts them without authorizing anybody.

The statements call security definer functions, because no runtime role is granted these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vitrine.models.people import Role


@dataclass(frozen=True, slots=True)
class PersonId:
    id: UUID


def add_person(person: UUID, email: str, name: str) -> Statement[PersonId]:
    """The id of the person with this e-mail address, who is inserted with the id `person` if missing."""
    return Statement(
        "select add_person(%(person)s, %(email)s, %(name)s) as id",
        PersonId,
        person=person,
        email=email,
        name=name,
    )


def create(
    organization: UUID, name: str, slug: str, owner: UUID, collection: UUID, collection_name: str
) -> Statement[object]:
    """Insert an organization with its owner and its default collection."""
    return Statement(
        """
        select add_organization(%(organization)s, %(name)s, %(slug)s, %(owner)s, %(collection)s,
                                %(collection_name)s)
        """,
        nothing,
        organization=organization,
        name=name,
        slug=slug,
        owner=owner,
        collection=collection,
        collection_name=collection_name,
    )


def add_member(organization: UUID, person: UUID, role: Role) -> Statement[object]:
    """Make the person a member in this role, in place of the role they had."""
    return Statement(
        "select add_member(%(organization)s, %(person)s, %(role)s)",
        nothing,
        organization=organization,
        person=person,
        role=role,
    )


def add_key(
    key: UUID,
    person: UUID,
    name: str,
    prefix: str,
    key_hash: bytes,
    scopes: Sequence[str],
    expires_at: datetime | None,
) -> Statement[object]:
    """Insert a key of this person; only its hash is stored."""
    return Statement(
        """
        select add_api_key(%(key)s, %(person)s, %(name)s, %(prefix)s, %(key_hash)s, %(scopes)s,
                           %(expires_at)s)
        """,
        nothing,
        key=key,
        person=person,
        name=name,
        prefix=prefix,
        key_hash=key_hash,
        scopes=list(scopes),
        expires_at=expires_at,
    )
