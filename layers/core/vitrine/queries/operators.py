"""People, keys and organizations for the operator's commands, which cross organizations as the worker.

No runtime role is granted the tables of people: security definer functions reach them.
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

OPERATOR = UUID(int=0)  # the actor in the audit log: the holder of the worker's password has no account


@dataclass(frozen=True, slots=True)
class PersonRow:
    id: UUID
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class ListedPerson(PersonRow):
    has_password: bool
    organizations: list[str]  # slug=role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ListedSession:
    created_at: datetime
    expires_at: datetime  # moved on by each use
    ip_address: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class ListedKey:
    id: UUID
    prefix: str
    name: str
    scopes: list[str]
    status: Literal["active", "expired", "revoked"]
    last_used_at: datetime | None  # None: never
    ends_at: datetime | None  # None: it does not end by itself
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RevokedKeyRow:
    email: str  # of the key's owner
    prefix: str
    name: str


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    id: UUID
    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class ListedOrganization(OrganizationRow):
    members: int
    stored_bytes: int  # active + trash
    quota_bytes: int | None  # None: no limit
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ListedMember:
    email: str
    name: str
    role: Role
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class MemberRole:
    """A member's role, and the number of owners of the organization."""

    role: Role
    owners: int


@dataclass(frozen=True, slots=True)
class Id:
    id: UUID


@dataclass(frozen=True, slots=True)
class Slug:
    slug: str


@dataclass(frozen=True, slots=True)
class SessionCount:
    n: int


# People.


def lock_person(email: str) -> Statement[PersonRow]:
    """The person of this e-mail address, locked until the transaction ends. No row when there is none."""
    return Statement("select id, email, name from operator_lock_person(%(email)s)", PersonRow, email=email)


def people(after: str, most: int) -> Statement[ListedPerson]:
    """At most `most` people whose e-mail address follows `after`, ordered by it."""
    return Statement(
        """
        select id, email, name, has_password, organizations, created_at
          from operator_people(%(after)s, %(most)s)
        """,
        ListedPerson,
        after=after,
        most=most,
    )


def add_person(person: UUID, email: str, name: str, password_hash: str | None) -> Statement[Id]:
    """Insert a person. No row when the e-mail address is taken."""
    return Statement(
        "select id from operator_add_person(%(person)s, %(email)s, %(name)s, %(password_hash)s) as id",
        Id,
        person=person,
        email=email,
        name=name,
        password_hash=password_hash,
    )


def set_password(person: UUID, password_hash: str) -> Statement[object]:
    """Replace the person's password hash."""
    return Statement(
        "select operator_set_password(%(person)s, %(password_hash)s)",
        nothing,
        person=person,
        password_hash=password_hash,
    )


def sessions(person: UUID) -> Statement[ListedSession]:
    """The person's open sessions, oldest first."""
    return Statement(
        "select created_at, expires_at, ip_address, user_agent from operator_sessions(%(person)s)",
        ListedSession,
        person=person,
    )


def end_sessions(person: UUID) -> Statement[SessionCount]:
    """Delete the person's sessions and return how many there were."""
    return Statement("select operator_end_sessions(%(person)s) as n", SessionCount, person=person)


def remove_person(person: UUID) -> Statement[object]:
    """Delete the person with their memberships, keys and sessions."""
    return Statement("select operator_remove_person(%(person)s)", nothing, person=person)


# Keys.


def keys(person: UUID) -> Statement[ListedKey]:
    """The person's keys, oldest first, including expired and revoked ones."""
    return Statement(
        """
        select id, prefix, name, scopes, status, last_used_at, ends_at, created_at
          from operator_keys(%(person)s)
        """,
        ListedKey,
        person=person,
    )


def revoke_key(key: UUID) -> Statement[RevokedKeyRow]:
    """Revoke the key at once. No row when there is no key of this id."""
    return Statement("select email, prefix, name from operator_revoke_key(%(key)s)", RevokedKeyRow, key=key)


# Organizations.


def lock_organization(slug: str) -> Statement[OrganizationRow]:
    """The organization of this slug, locked: its members do not change until the transaction ends.

    No row when there is none.
    """
    return Statement(
        "select id, name, slug from operator_lock_organization(%(slug)s)",
        OrganizationRow,
        slug=slug,
    )


def lock_organizations_of(person: UUID) -> Statement[Id]:
    """The ids of the person's organizations, locked: their members do not change until the transaction ends.

    Until then the person cannot join another organization.
    """
    return Statement(
        "select id from operator_lock_organizations_of(%(person)s) as id",
        Id,
        person=person,
    )


def organizations(after: str, most: int) -> Statement[ListedOrganization]:
    """At most `most` organizations whose slug follows `after`, ordered by it."""
    return Statement(
        """
        select o.id, o.name, o.slug, o.quota_bytes, o.created_at,
               (select count(*) from memberships m where m.organization_id = o.id) as members,
               (select coalesce(sum(bytes), 0)::bigint
                  from (select bytes from storage_usage where organization_id = o.id
                         union all
                        select delta_bytes from storage_ledger
                         where organization_id = o.id and not folded) as entries) as stored_bytes
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


def members(organization: UUID) -> Statement[ListedMember]:
    """The organization's members, owners first."""
    return Statement(
        "select email, name, role, joined_at from operator_members(%(organization)s)",
        ListedMember,
        organization=organization,
    )


def member_role(organization: UUID, person: UUID) -> Statement[MemberRole]:
    """The person's role in the organization. No row when they are not a member."""
    return Statement(
        """
        select role,
               (select count(*) from memberships
                 where organization_id = %(organization)s and role = 'owner') as owners
          from memberships
         where organization_id = %(organization)s
           and user_id = %(person)s
        """,
        MemberRole,
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
    """Delete the person's membership."""
    return Statement(
        "select operator_remove_member(%(organization)s, %(person)s)",
        nothing,
        organization=organization,
        person=person,
    )


def set_quota(organization: UUID, quota: int | None) -> Statement[object]:
    """Set the organization's storage quota in bytes; None: no limit."""
    return Statement(
        "select operator_set_quota(%(organization)s, %(quota)s::bigint)",
        nothing,
        organization=organization,
        quota=quota,
    )


def insert_audit_entry(
    organization: UUID, entry: UUID, operation: str, item: UUID, details: Mapping[str, object]
) -> Statement[object]:
    """Record in the organization's audit log what the operator did."""
    return Statement(
        """
        insert into audit_log (organization_id, id, actor, operation, item_id, details)
        values (%(organization)s, %(entry)s, %(actor)s, %(operation)s, %(item)s, %(details)s)
        """,
        nothing,
        organization=organization,
        entry=entry,
        actor=OPERATOR,
        operation=operation,
        item=item,
        details=Jsonb(dict(details)),
    )
