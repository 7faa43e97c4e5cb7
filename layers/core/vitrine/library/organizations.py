"""Organizations, people and their keys: for the operator's commands, which act as the worker."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Founded:
    """A new organization, its owner and its default collection."""

    user_id: UUID
    organization_id: UUID
    collection_id: UUID


def found(*, email: str, person: str, name: str, slug: str, collection: str) -> Founded:
    """There is an organization with a default collection, owned by the person of this e-mail (made where
    there was none).

    Raises Conflict when the slug is taken, Invalid when a name or the slug cannot be one.
    """
    organization_id, collection_id = mint_id(), mint_id()

    def work(db: Transaction) -> Founded:
        user_id = db.run(
            queries.organizations.add_person(mint_id(), fold_email(email), clean_name(person, "person"))
        )[0].id
        db.queue(
            queries.organizations.add_organization(
                organization_id,
                clean_name(name),
                slug,
                user_id,
                collection_id,
                clean_name(collection, "collection"),
            )
        )
        return Founded(user_id, organization_id, collection_id)

    return transaction(Worker(), work)


def add_person(*, email: str, name: str) -> UUID:
    """The id of the person of this e-mail, made where there was none."""
    return write(Worker(), queries.organizations.add_person(mint_id(), fold_email(email), clean_name(name)))[
        0
    ].id


def add_member(organization_id: UUID, user_id: UUID, role: Role) -> None:
    """The person is in the organization in this role, and in no other. Raises NotFound when either is not
    there.
    """
    write(Worker(), queries.organizations.add_member(organization_id, user_id, role))


def add_key(user_id: UUID, name: str, scopes: Collection[str], expires_at: datetime | None = None) -> str:
    """A new API key of this person, in the clear: only its hash is kept. Raises Invalid for a scope there
    is not, or none.
    """
    kept = clean_scopes(scopes)
    key = mint_api_key()
    write(
        Worker(),
        queries.organizations.add_key(
            mint_id(),
            user_id,
            clean_name(name, most=MAX_KEY_NAME),
            key[:KEY_PREFIX_LENGTH],
            fingerprint(key),
            kept,
            expires_at,
        ),
    )
    return key
