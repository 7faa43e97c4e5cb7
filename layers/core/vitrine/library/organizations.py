"""Organizations, people and keys, as the worker creates them: nobody is authorized here.

The operator's commands (`operators`) and the demo use these functions. What a person may do to an
organization stands in `members`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.credentials import KEY_PREFIX_LENGTH, fingerprint, mint_api_key, mint_id
from vitrine.db import transaction, write
from vitrine.library import clean_name
from vitrine.library.keys import clean_scopes
from vitrine.models.people import MAX_KEY_NAME, Worker
from vitrine.texts import fold_email

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from vitrine.db import Transaction
    from vitrine.models.people import Role

MAX_NAME = 100  # code points; the column's check
MAX_SLUG = 100
DEFAULT_COLLECTION = "Default"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class CreatedOrganization:
    """The ids of a new organization, its owner and its default collection."""

    user_id: UUID
    organization_id: UUID
    collection_id: UUID


def create(*, email: str, person: str, name: str, slug: str, collection: str) -> CreatedOrganization:
    """Create an organization with a default collection, owned by the person of this e-mail address.

    A missing person is created under the name `person`. Raises Conflict when the slug is taken, Invalid when
    a name or the slug is malformed.
    """

    def work(db: Transaction) -> CreatedOrganization:
        user_id = db.run(
            queries.organizations.add_person(mint_id(), fold_email(email), clean_name(person, "person"))
        )[0].id
        return insert(
            db, user_id, name=clean_name(name), slug=slug, collection=clean_name(collection, "collection")
        )

    return transaction(Worker(), work)


def insert(
    db: Transaction, owner: UUID, *, name: str, slug: str, collection: str = DEFAULT_COLLECTION
) -> CreatedOrganization:
    """Queue the insertion of an organization in the worker's transaction `db`.

    The transaction fails with Conflict when the slug is taken.
    """
    created = CreatedOrganization(owner, mint_id(), mint_id())
    db.queue(
        queries.organizations.create(
            created.organization_id, name, slug, owner, created.collection_id, collection
        )
    )
    return created


def is_slug(text: str) -> bool:
    """Whether the text can be an organization's slug: 1 to MAX_SLUG of a-z, 0-9 and single hyphens."""
    return len(text) <= MAX_SLUG and _SLUG.fullmatch(text) is not None


def add_person(*, email: str, name: str) -> UUID:
    """Return the id of the person of this e-mail address, who is created when missing."""
    added = write(Worker(), queries.organizations.add_person(mint_id(), fold_email(email), clean_name(name)))
    return added[0].id


def add_member(organization_id: UUID, user_id: UUID, role: Role) -> None:
    """Make the person a member in this role, in place of the role they had. Raises NotFound when the
    organization or the person does not exist.
    """
    write(Worker(), queries.organizations.add_member(organization_id, user_id, role))


def add_key(user_id: UUID, name: str, scopes: Collection[str], expires_at: datetime | None = None) -> str:
    """Create an API key of this person and return it in the clear; only its hash is stored.

    Raises Invalid for an unknown scope or none.
    """
    granted = clean_scopes(scopes)
    key = mint_api_key()
    write(
        Worker(),
        queries.organizations.add_key(
            mint_id(),
            user_id,
            clean_name(name, most=MAX_KEY_NAME),
            key[:KEY_PREFIX_LENGTH],
            fingerprint(key),
            granted,
            expires_at,
        ),
    )
    return key
