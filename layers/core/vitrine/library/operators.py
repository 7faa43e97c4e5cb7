"""What an operator does before there is a page for it: people, their keys, organizations. Acts as the
worker, past the wall.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.credentials import hash_password, mint_id
from vitrine.db import read, transaction, write
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.library import clean_name, slug_of
from vitrine.library import organizations as founding
from vitrine.library.people import MIN_PASSWORD, check_password
from vitrine.models.people import MAX_EMAIL, MAX_KEY_NAME, Worker
from vitrine.permissions import ROLES, SCOPES
from vitrine.texts import fold_email

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator
    from datetime import datetime

    from vitrine.db import Transaction
    from vitrine.models.people import Role
    from vitrine.queries.operators import (
        Key,
        ListedOrganization,
        ListedPerson,
        Member,
        Organization,
        Person,
        RevokedKey,
        Session,
    )

MAX_ORGANIZATION_NAME = 100  # the column's
MAX_SLUG = 100
MAX_BYTES = 2**63 - 1  # of a bigint
PAGE = 500
DEFAULT_COLLECTION = "Default"
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


# People.


def add_person(email: str, name: str, password: str | None) -> Person:
    """There is a new person; None: without a password, who cannot sign in yet.

    Raises Conflict when the e-mail is taken, Invalid when e-mail, name or password cannot be one.
    """
    address, called = clean_email(email), clean_name(name.strip())
    if password is not None:
        check_password(password, "password", least=MIN_PASSWORD)
    hashed = None if password is None else hash_password(password)
    person = mint_id()
    if not write(Worker(), queries.operators.add_person(person, address, called, hashed)):
        raise Conflict(f"There is a person with the e-mail {email.strip()} already")
    return queries.operators.Person(person, address, called)


def people() -> Generator[ListedPerson]:
    """Everybody, by e-mail."""
    after = ""
    while page := read(Worker(), queries.operators.people(after, PAGE)):
        yield from page
        after = page[-1].email


def set_password(email: str, password: str) -> int:
    """The person signs in with this password from now on, everywhere anew; how many sessions that ended.
    API keys stay as they are.
    """
    check_password(password, "password", least=MIN_PASSWORD)
    hashed = hash_password(password)

    def work(db: Transaction) -> int:
        person = _person(db, email)
        db.queue(queries.operators.set_password(person.id, hashed))
        return db.run(queries.operators.end_sessions(person.id))[0].n

    return transaction(Worker(), work)


def sessions(email: str) -> list[Session]:
    """The person's sessions that have not ended, oldest first."""
    return transaction(Worker(), lambda db: db.run(queries.operators.sessions(_person(db, email).id)))


def sign_out(email: str) -> int:
    """The person has no session; how many that ended."""
    return transaction(
        Worker(), lambda db: db.run(queries.operators.end_sessions(_person(db, email).id))[0].n
    )


def remove_person(email: str) -> Person:
    """The person is gone with memberships, keys and sessions; what they uploaded stays with its
    organizations.

    Raises Conflict, naming the organizations, while they are the last owner of some.
    """

    def work(db: Transaction) -> Person:
        person = _person(db, email)
        joined = db.run(queries.operators.lock_organizations_of(person.id))
        if alone := db.run(queries.operators.owned_alone(person.id)):
            raise Conflict(
                f"{person.email} is the last owner of {', '.join(each.slug for each in alone)}: make somebody else an owner first"
            )
        for organization in joined:
            db.queue(
                queries.operators.audit(
                    organization.id, mint_id(), "member.remove", person.id, {"email": person.email}
                )
            )
        db.queue(queries.operators.remove_person(person.id))
        return person

    return transaction(Worker(), work)


# Keys.


def add_key(
    email: str, name: str, scopes: Collection[str], expires_at: datetime | None
) -> tuple[Person, str]:
    """A new key of this person, in the clear: only its hash is kept. Raises Invalid for a scope there is
    not.
    """
    for scope in scopes:
        if scope not in SCOPES:
            raise Invalid(f"There is no scope {scope}; there are {', '.join(SCOPES)}")
    called = clean_name(name.strip())
    if len(called) > MAX_KEY_NAME:
        raise Invalid(f"The name of a key has 1 to {MAX_KEY_NAME} characters")
    person = transaction(Worker(), lambda db: _person(db, email))
    return person, founding.add_key(person.id, called, scopes, expires_at)


def keys(email: str) -> list[Key]:
    """The person's keys, ended ones too, oldest first."""
    return transaction(Worker(), lambda db: db.run(queries.operators.keys(_person(db, email).id)))


def revoke_key(key: str) -> RevokedKey:
    """The key of this id is good for nothing from now on. May be repeated."""
    try:
        key_id = UUID(key)
    except ValueError:
        raise Invalid(f"{key} is not the id of a key") from None
    for revoked in write(Worker(), queries.operators.revoke_key(key_id)):
        return revoked
    raise NotFound(f"There is no key with the id {key}")


# Organizations.


def found(name: str, *, owner: str, slug: str | None, quota: int | None) -> Organization:
    """There is an organization with a default collection, owned by the person of this e-mail. The slug is
    made from the name unless given.

    Raises Conflict when the slug is taken.
    """
    called = clean_name(name.strip())
    if len(called) > MAX_ORGANIZATION_NAME:
        raise Invalid(f"The name of an organization has 1 to {MAX_ORGANIZATION_NAME} characters")
    word = slug_of(called, most=MAX_SLUG) if slug is None else slug
    if not _SLUG.fullmatch(word) or len(word) > MAX_SLUG:
        reason = (
            f"{word or called} cannot be a slug"
            if slug is not None
            else f"No slug can be made from {called}; give one"
        )
        raise Invalid(f"{reason}: up to {MAX_SLUG} small letters and digits, with single dashes between")
    bound = clean_quota(quota)
    founded = queries.operators.Organization(mint_id(), called, word)

    def work(db: Transaction) -> Organization:
        person = _person(db, owner)
        db.queue(
            queries.organizations.add_organization(
                founded.id, called, word, person.id, mint_id(), DEFAULT_COLLECTION
            )
        )
        db.queue(queries.operators.set_quota(founded.id, bound))
        return founded

    try:
        return transaction(Worker(), work)
    except Conflict:
        raise Conflict(f"The slug {word} is taken; give another one") from None


def organizations() -> Generator[ListedOrganization]:
    """All of them, by slug."""
    after = ""
    while page := read(Worker(), queries.operators.organizations(after, PAGE)):
        yield from page
        after = page[-1].slug


def members(slug: str) -> list[Member]:
    """The organization's people, owners first."""
    return transaction(Worker(), lambda db: db.run(queries.operators.members(_organization(db, slug).id)))


def set_role(slug: str, email: str, role: str) -> None:
    """The person is in the organization in this role, and in no other. Raises Conflict when that would
    leave it without an owner.
    """
    wanted = clean_role(role)

    def change(db: Transaction, organization: Organization, person: Person, former: Role | None) -> None:
        db.queue(queries.organizations.add_member(organization.id, person.id, wanted))
        operation = "member.update" if former else "member.add"
        db.queue(
            queries.operators.audit(
                organization.id, mint_id(), operation, person.id, {"role": wanted, "before": former}
            )
        )

    _change_member(slug, email, change, stays_owner=wanted == "owner")


def remove_member(slug: str, email: str) -> None:
    """The person is not in the organization. Raises NotFound when they were not, Conflict when they are
    its last owner.
    """

    def change(db: Transaction, organization: Organization, person: Person, former: Role | None) -> None:
        if former is None:
            raise NotFound(f"{person.email} is not a member of {organization.slug}")
        db.queue(queries.operators.remove_member(organization.id, person.id))
        db.queue(
            queries.operators.audit(
                organization.id,
                mint_id(),
                "member.remove",
                person.id,
                {"email": person.email, "before": former},
            )
        )

    _change_member(slug, email, change, stays_owner=False)


def set_quota(slug: str, quota: int | None) -> None:
    """What the organization may store, in bytes; None: as much as it likes. What is there already stays,
    though it be more.
    """
    bound = clean_quota(quota)

    def work(db: Transaction) -> None:
        organization = _organization(db, slug)
        db.queue(queries.operators.set_quota(organization.id, bound))
        db.queue(
            queries.operators.audit(
                organization.id, mint_id(), "organization.quota", organization.id, {"bytes": bound}
            )
        )

    transaction(Worker(), work)


def _change_member(
    slug: str,
    email: str,
    change: Callable[[Transaction, Organization, Person, Role | None], None],
    *,
    stays_owner: bool,
) -> None:
    def work(db: Transaction) -> None:
        # in this order everywhere: no two commands wait for each other
        person, organization = _person(db, email), _organization(db, slug)
        standing = db.first(queries.operators.standing(organization.id, person.id))
        if standing and standing.role == "owner" and standing.owners == 1 and not stays_owner:
            raise Conflict(
                f"{person.email} is the last owner of {organization.slug}: make somebody else an owner first"
            )
        change(db, organization, person, standing.role if standing else None)

    transaction(Worker(), work)


def _person(db: Transaction, email: str) -> Person:
    person = db.first(queries.operators.lock_person(fold_email(email)))
    if person is None:
        raise NotFound(f"There is no person with the e-mail {email.strip()}")
    return person


def _organization(db: Transaction, slug: str) -> Organization:
    organization = db.first(queries.operators.lock_organization(slug))
    if organization is None:
        raise NotFound(f"There is no organization with the slug {slug}")
    return organization


# What can be stored.


def clean_email(email: str) -> str:
    """The address as it is stored. Raises Invalid for what is no address."""
    address = fold_email(email)
    if not _EMAIL.fullmatch(address) or not address.isprintable() or len(address) > MAX_EMAIL:
        raise Invalid(
            f"{email.strip() or 'Nothing'} is not an e-mail address of up to {MAX_EMAIL} characters"
        )
    return address


def clean_role(role: str) -> Role:
    for known in ROLES:
        if role == known:
            return known
    raise Invalid(f"There is no role {role}; there are {', '.join(ROLES)}")


def clean_quota(quota: int | None) -> int | None:
    if quota is not None and not 0 <= quota <= MAX_BYTES:
        raise Invalid(f"A quota has 0 to {MAX_BYTES} bytes")
    return quota
