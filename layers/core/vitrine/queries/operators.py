"""What the operator's commands see and change, past the wall. People's tables are granted to no role of
ours: definer functions reach them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vitrine.models.people import Role

THE_OPERATOR = UUID(int=0)  # in the audit log: whoever has the worker's password is no person of ours


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class ListedPerson(Person):
    has_password: bool
    organizations: list[str]  # slug=role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    created_at: datetime
    expires_at: datetime  # unless it is used before
    ip_address: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Key:
    id: UUID
    prefix: str
    name: str
    scopes: list[str]
    status: Literal["active", "expired", "revoked"]
    last_used_at: datetime | None  # None: never
    ends_at: datetime | None  # None: it does not end by itself
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RevokedKey:
    email: str  # whose it was
    prefix: str
    name: str


@dataclass(frozen=True, slots=True)
class Organization:
    id: UUID
    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class ListedOrganization(Organization):
    members: int
    stored_bytes: int  # active + trash
    quota_bytes: int | None  # None: no limit
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    email: str
    name: str
    role: Role
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's role, and how many owners there are."""

    role: Role
    owners: int


@dataclass(frozen=True, slots=True)
class Id:
    id: UUID


@dataclass(frozen=True, slots=True)
class Slug:
    slug: str


@dataclass(frozen=True, slots=True)
class Count:
    n: int


# People.


def lock_person(email: str) -> Statement[Person]:
    """The person of this e-mail, whom nobody else changes or removes until the transaction ends."""
    return Statement("select id, email, name from operator_lock_person(%(email)s)", Person, email=email)


def people(after: str, most: int) -> Statement[ListedPerson]:
    """The first of the people after this e-mail."""
    return Statement(
        "select id, email, name, has_password, organizations, created_at from operator_people(%(after)s, %(most)s)",
        ListedPerson,
        after=after,
        most=most,
    )


def add_person(person: UUID, email: str, name: str, password_hash: str | None) -> Statement[Id]:
    """A new person; no row when the e-mail is taken."""
    return Statement(
        "select id from operator_add_person(%(person)s, %(email)s, %(name)s, %(password_hash)s) as id",
        Id,
        person=person,
        email=email,
        name=name,
        password_hash=password_hash,
    )


def set_password(person: UUID, password_hash: str) -> Statement[object]:
    """Another password."""
    return Statement(
        "select operator_set_password(%(person)s, %(password_hash)s)",
        nothing,
        person=person,
        password_hash=password_hash,
    )


def sessions(person: UUID) -> Statement[Session]:
    """The person's sessions that have not ended, oldest first."""
    return Statement(
        "select created_at, expires_at, ip_address, user_agent from operator_sessions(%(person)s)",
        Session,
        person=person,
    )


def end_sessions(person: UUID) -> Statement[Count]:
    """How many sessions the person had, who now has none."""
    return Statement("select operator_end_sessions(%(person)s) as n", Count, person=person)


def remove_person(person: UUID) -> Statement[object]:
    """The person is gone, with memberships, keys and sessions."""
    return Statement("select operator_remove_person(%(person)s)", nothing, person=person)


# Keys.


def keys(person: UUID) -> Statement[Key]:
    """The person's keys, ended ones too, oldest first."""
    return Statement(
        "select id, prefix, name, scopes, status, last_used_at, ends_at, created_at from operator_keys(%(person)s)",
        Key,
        person=person,
    )


def revoke_key(key: UUID) -> Statement[RevokedKey]:
    """The key is good for nothing from now on; no row when there is none of this id."""
    return Statement("select email, prefix, name from operator_revoke_key(%(key)s)", RevokedKey, key=key)


# Organizations.


def lock_organization(slug: str) -> Statement[Organization]:
    """The organization of this slug, whose members nobody else changes until the transaction ends."""
    return Statement(
        "select id, name, slug from operator_lock_organization(%(slug)s)",
        Organization,
        slug=slug,
    )


def lock_organizations_of(person: UUID) -> Statement[Id]:
    """The person's organizations, whose members nobody else changes until the transaction ends; meanwhile
    the person joins no other.
    """
    return Statement(
        "select id from operator_lock_organizations_of(%(person)s) as id",
        Id,
        person=person,
    )


def organizations(after: str, most: int) -> Statement[ListedOrganization]:
    """The first of the organizations after this slug."""
    return Statement(
        """
        select o.id, o.name, o.slug, o.quota_bytes, o.created_at,
               (select count(*) from memberships m where m.organization_id = o.id) as members,
               (select coalesce(sum(bytes), 0)::bigint
                  from (select bytes from storage_usage where organization_id = o.id
                         union all
                        select delta_bytes from storage_ledger where organization_id = o.id and not folded) as entries) as stored_bytes
          from organizations o
         where o.deleted_at is null
           and o.slug > %(after)s
         order by o.slug
         limit %(most)s
        """,
        ListedOrganization,
        after=after,
        most=most,
    )


def members(organization: UUID) -> Statement[Member]:
    """The organization's people, owners first."""
    return Statement(
        "select email, name, role, joined_at from operator_members(%(organization)s)",
        Member,
        organization=organization,
    )


def standing(organization: UUID, person: UUID) -> Statement[Standing]:
    """The person's role here; no row for who is not a member."""
    return Statement(
        """
        select role, (select count(*) from memberships where organization_id = %(organization)s and role = 'owner') as owners
          from memberships
         where organization_id = %(organization)s
           and user_id = %(person)s
        """,
        Standing,
        organization=organization,
        person=person,
    )


def owned_alone(person: UUID) -> Statement[Slug]:
    """The organizations that would have no owner without this person."""
    return Statement(
        """
        select o.slug
          from memberships m
          join organizations o on o.id = m.organization_id and o.deleted_at is null
         where m.user_id = %(person)s
           and m.role = 'owner'
           and not exists (select from memberships other
                            where other.organization_id = m.organization_id
                              and other.role = 'owner'
                              and other.user_id <> m.user_id)
         order by o.slug
        """,
        Slug,
        person=person,
    )


def remove_member(organization: UUID, person: UUID) -> Statement[object]:
    """The person is not in the organization."""
    return Statement(
        "select operator_remove_member(%(organization)s, %(person)s)",
        nothing,
        organization=organization,
        person=person,
    )


def set_quota(organization: UUID, quota: int | None) -> Statement[object]:
    """What the organization may store, in bytes; None: as much as it likes."""
    return Statement(
        "select operator_set_quota(%(organization)s, %(quota)s::bigint)",
        nothing,
        organization=organization,
        quota=quota,
    )


def audit(
    organization: UUID, entry: UUID, operation: str, item: UUID, details: Mapping[str, object]
) -> Statement[object]:
    """What the operator did to this organization."""
    return Statement(
        """
        insert into audit_log (organization_id, id, actor, operation, item_id, details)
        values (%(organization)s, %(entry)s, %(actor)s, %(operation)s, %(item)s, %(details)s)
        """,
        nothing,
        organization=organization,
        entry=entry,
        actor=THE_OPERATOR,
        operation=operation,
        item=item,
        details=Jsonb(dict(details)),
    )
