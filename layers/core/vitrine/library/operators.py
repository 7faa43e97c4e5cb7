"""The operator's commands on people, their keys and organizations.

They run as the worker, outside row-level security, and authorize nobody: the operator has its password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.credentials import hash_password, mint_id
from vitrine.db import read, transaction, write
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.library import clean_name, organization_slug, organizations
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
        ListedKey,
        ListedMember,
        ListedOrganization,
        ListedPerson,
        ListedSession,
        OrganizationRow,
        PersonRow,
        RevokedKeyRow,
    )

MAX_BYTES = 2**63 - 1  # of a bigint
PAGE = 500
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


# People.


def add_person(email: str, name: str, password: str | None) -> PersonRow:
    """Create a person. Without a password they cannot sign in yet.

    Raises Conflict when the e-mail address is taken, Invalid when address, name or password is malformed.
    """
    address, cleaned = clean_email(email), clean_name(name.strip())
    if password is not None:
        check_password(password, "password", least=MIN_PASSWORD)
    hashed = None if password is None else hash_password(password)
    person = mint_id()
    if not write(Worker(), queries.operators.add_person(person, address, cleaned, hashed)):
        raise Conflict(f"There is a person with the e-mail {email.strip()} already")
    return queries.operators.PersonRow(person, address, cleaned)


def list_people() -> Generator[ListedPerson]:
    """All people, ordered by e-mail address. Pages are read as the caller iterates."""
    after = ""
    while page := read(Worker(), queries.operators.people(after, PAGE)):
        yield from page
        after = page[-1].email


def set_password(email: str, password: str) -> int:
    """Set the person's password, end their sessions and return how many there were. API keys stay valid.

    Raises NotFound when there is no such person, Invalid for a password that is too short or too long.
    """
    check_password(password, "password", least=MIN_PASSWORD)
    hashed = hash_password(password)

    def work(db: Transaction) -> int:
        person = _person(db, email)
        db.queue(queries.operators.set_password(person.id, hashed))
        return db.run(queries.operators.end_sessions(person.id))[0].n

    return transaction(Worker(), work)


def list_sessions(email: str) -> list[ListedSession]:
    """The person's open sessions, oldest first. Raises NotFound when there is no such person."""
    return transaction(Worker(), lambda db: db.run(queries.operators.sessions(_person(db, email).id)))


def sign_out(email: str) -> int:
    """End the person's sessions and return how many there were. Raises NotFound."""
    return transaction(
        Worker(), lambda db: db.run(queries.operators.end_sessions(_person(db, email).id))[0].n
    )


def remove_person(email: str) -> PersonRow:
    """Delete the person with memberships, keys and sessions. Their uploads stay in the organizations.

    Raises NotFound, and Conflict, naming the organizations, while they are the last owner of one.
    """

    def work(db: Transaction) -> PersonRow:
        person = _person(db, email)
        joined = db.run(queries.operators.lock_organizations_of(person.id))
        if orphaned := db.run(queries.operators.owned_alone(person.id)):
            raise Conflict(
                f"{person.email} is the last owner of {', '.join(each.slug for each in orphaned)}: "
                "make somebody else an owner first"
            )
        for organization in joined:
            db.queue(
                queries.operators.insert_audit_entry(
                    organization.id, mint_id(), "member.remove", person.id, {"email": person.email}
                )
            )
        db.queue(queries.operators.remove_person(person.id))
        return person

    return transaction(Worker(), work)


# Keys.


def add_key(
    email: str, name: str, scopes: Collection[str], expires_at: datetime | None
) -> tuple[PersonRow, str]:
    """Create an API key of this person and return both, the key in the clear: only its hash is stored.

    Raises NotFound when there is no such person, Invalid for an unknown scope or a malformed name.
    """
    for scope in scopes:
        if scope not in SCOPES:
            raise Invalid(f"There is no scope {scope}; there are {', '.join(SCOPES)}")
    cleaned = clean_name(name.strip())
    if len(cleaned) > MAX_KEY_NAME:
        raise Invalid(f"The name of a key has 1 to {MAX_KEY_NAME} characters")
    person = transaction(Worker(), lambda db: _person(db, email))
    return person, organizations.add_key(person.id, cleaned, scopes, expires_at)


def list_keys(email: str) -> list[ListedKey]:
    """The person's keys, oldest first, including expired and revoked ones. Raises NotFound."""
    return transaction(Worker(), lambda db: db.run(queries.operators.keys(_person(db, email).id)))


def revoke_key(key: str) -> RevokedKeyRow:
    """Revoke the key of this id at once. Idempotent. Raises NotFound, and Invalid for a malformed id."""
    try:
        key_id = UUID(key)
    except ValueError:
        raise Invalid(f"{key} is not the id of a key") from None
    for revoked in write(Worker(), queries.operators.revoke_key(key_id)):
        return revoked
    raise NotFound(f"There is no key with the id {key}")


# Organizations.


def create_organization(name: str, *, owner: str, slug: str | None, quota: int | None) -> OrganizationRow:
    """Create an organization with a default collection, owned by the person of this e-mail address.

    Without a slug one is made from the name. `quota` is in bytes; None: no limit. Raises NotFound when there
    is no such person, Conflict when the slug is taken, Invalid when name, slug or quota is malformed.
    """
    cleaned = clean_name(name.strip())
    if len(cleaned) > organizations.MAX_NAME:
        raise Invalid(f"The name of an organization has 1 to {organizations.MAX_NAME} characters")
    new_slug = organization_slug(cleaned, most=organizations.MAX_SLUG) if slug is None else slug
    if not organizations.is_slug(new_slug):
        reason = (
            f"{new_slug or cleaned} cannot be a slug"
            if slug is not None
            else f"No slug can be made from {cleaned}; give one"
        )
        raise Invalid(
            f"{reason}: up to {organizations.MAX_SLUG} small letters and digits, with single dashes between"
        )
    limit = clean_quota(quota)

    def work(db: Transaction) -> OrganizationRow:
        person = _person(db, owner)
        created = organizations.insert(db, person.id, name=cleaned, slug=new_slug)
        db.queue(queries.operators.set_quota(created.organization_id, limit))
        return queries.operators.OrganizationRow(created.organization_id, cleaned, new_slug)

    try:
        return transaction(Worker(), work)
    except Conflict:
        raise Conflict(f"The slug {new_slug} is taken; give another one") from None


def list_organizations() -> Generator[ListedOrganization]:
    """All organizations, ordered by slug. Pages are read as the caller iterates."""
    after = ""
    while page := read(Worker(), queries.operators.organizations(after, PAGE)):
        yield from page
        after = page[-1].slug


def list_members(slug: str) -> list[ListedMember]:
    """The organization's members, owners first. Raises NotFound when there is no such organization."""
    return transaction(Worker(), lambda db: db.run(queries.operators.members(_organization(db, slug).id)))


def set_role(slug: str, email: str, role: str) -> None:
    """Make the person a member in this role, in place of the role they had.

    Raises NotFound when the person or the organization does not exist, Invalid for an unknown role, Conflict
    when the organization would be left without an owner.
    """
    wanted = clean_role(role)

    def change(
        db: Transaction, organization: OrganizationRow, person: PersonRow, former: Role | None
    ) -> None:
        db.queue(queries.organizations.add_member(organization.id, person.id, wanted))
        operation = "member.update" if former else "member.add"
        db.queue(
            queries.operators.insert_audit_entry(
                organization.id, mint_id(), operation, person.id, {"role": wanted, "before": former}
            )
        )

    _change_member(slug, email, change, stays_owner=wanted == "owner")


def remove_member(slug: str, email: str) -> None:
    """Remove the person from the organization.

    Raises NotFound when they are not a member, Conflict when they are the last owner.
    """

    def change(
        db: Transaction, organization: OrganizationRow, person: PersonRow, former: Role | None
    ) -> None:
        if former is None:
            raise NotFound(f"{person.email} is not a member of {organization.slug}")
        db.queue(queries.operators.remove_member(organization.id, person.id))
        db.queue(
            queries.operators.insert_audit_entry(
                organization.id,
                mint_id(),
                "member.remove",
                person.id,
                {"email": person.email, "before": former},
            )
        )

    _change_member(slug, email, change, stays_owner=False)


def set_quota(slug: str, quota: int | None) -> None:
    """Set the organization's storage quota in bytes; None: no limit. Stored bytes stay, even above the quota.

    Raises NotFound when there is no such organization, Invalid for a quota out of range.
    """
    limit = clean_quota(quota)

    def work(db: Transaction) -> None:
        organization = _organization(db, slug)
        db.queue(queries.operators.set_quota(organization.id, limit))
        db.queue(
            queries.operators.insert_audit_entry(
                organization.id, mint_id(), "organization.quota", organization.id, {"bytes": limit}
            )
        )

    transaction(Worker(), work)


def _change_member(
    slug: str,
    email: str,
    change: Callable[[Transaction, OrganizationRow, PersonRow, Role | None], None],
    *,
    stays_owner: bool,
) -> None:
    def work(db: Transaction) -> None:
        # person before organization everywhere: two commands never wait for each other (deadlock)
        person, organization = _person(db, email), _organization(db, slug)
        member = db.first(queries.operators.member_role(organization.id, person.id))
        if member and member.role == "owner" and member.owners == 1 and not stays_owner:
            raise Conflict(
                f"{person.email} is the last owner of {organization.slug}: make somebody else an owner first"
            )
        change(db, organization, person, member.role if member else None)

    transaction(Worker(), work)


def _person(db: Transaction, email: str) -> PersonRow:
    person = db.first(queries.operators.lock_person(fold_email(email)))
    if person is None:
        raise NotFound(f"There is no person with the e-mail {email.strip()}")
    return person


def _organization(db: Transaction, slug: str) -> OrganizationRow:
    organization = db.first(queries.operators.lock_organization(slug))
    if organization is None:
        raise NotFound(f"There is no organization with the slug {slug}")
    return organization


# Checks of arguments.


def clean_email(email: str) -> str:
    """The e-mail address as it is stored. Raises Invalid for a malformed one."""
    address = fold_email(email)
    if not _EMAIL.fullmatch(address) or not address.isprintable() or len(address) > MAX_EMAIL:
        raise Invalid(
            f"{email.strip() or 'Nothing'} is not an e-mail address of up to {MAX_EMAIL} characters"
        )
    return address


def clean_role(role: str) -> Role:
    """The role. Raises Invalid for an unknown one."""
    for known in ROLES:
        if role == known:
            return known
    raise Invalid(f"There is no role {role}; there are {', '.join(ROLES)}")


def clean_quota(quota: int | None) -> int | None:
    """The quota in bytes. Raises Invalid when it does not fit a bigint or is negative."""
    if quota is not None and not 0 <= quota <= MAX_BYTES:
        raise Invalid(f"A quota has 0 to {MAX_BYTES} bytes")
    return quota
