"""Who is in an organization: read under the tenant wall, written through definer functions, which judge
the one who acts under a lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, LiteralString
from uuid import UUID

from vitrine.db import Statement
from vitrine.models.people import Invitation, Member, Membership

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vitrine.models.people import Role

Outcome = Literal[
    "done",
    "joined",
    "forbidden",
    "owners_only",
    "last_owner",
    "absent",
    "stranger",
    "is_member",
    "other_person",
    "slug_taken",
    "too_many",
    "accepted",
]


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it, in one word."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Founded:
    outcome: Outcome
    slug: str | None  # which of those that were offered
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Chosen:
    outcome: Outcome
    id: UUID | None
    name: str | None
    slug: str | None
    created_at: datetime | None
    role: Role | None


@dataclass(frozen=True, slots=True)
class Accepted:
    outcome: Outcome
    organization_id: UUID | None
    invitation_id: UUID | None


@dataclass(frozen=True, slots=True)
class Added:
    outcome: Outcome
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class Invited:
    outcome: Outcome
    invitation_id: UUID | None  # not the one that was given where it replaced another


@dataclass(frozen=True, slots=True)
class Total:
    n: int


# A person's, in no organization.


def organizations_of(person: UUID, limit: int) -> Statement[Membership]:
    """Those that a person is in, the earliest membership first."""
    return Statement(
        "select id, name, slug, created_at, role from organizations_of(%(person)s, %(limit)s)",
        Membership,
        person=person,
        limit=limit,
    )


def found(
    entry: UUID,
    person: UUID,
    session: UUID | None,
    organization: UUID,
    name: str,
    slugs: Sequence[str],
    collection: UUID,
    collection_name: str,
    most: int,
) -> Statement[Founded]:
    """An organization owned by this person, under the first of these slugs that is free, unless they own
    `most` already.
    """
    return Statement(
        """
        select outcome, slug, created_at
          from create_organization(%(entry)s, %(person)s, %(session)s::uuid, %(organization)s, %(name)s, %(slugs)s::text[], %(collection)s,
                                  %(collection_name)s, %(most)s)
        """,
        Founded,
        entry=entry,
        person=person,
        session=session,
        organization=organization,
        name=name,
        slugs=list(slugs),
        collection=collection,
        collection_name=collection_name,
        most=most,
    )


def choose(person: UUID, session: UUID | None, organization: UUID | None) -> Statement[Chosen]:
    """The organization is the active one of this session (None: none is)."""
    return Statement(
        """
        select outcome, id, name, slug, created_at, role
          from set_active_organization(%(person)s, %(session)s::uuid, %(organization)s::uuid)
        """,
        Chosen,
        person=person,
        session=session,
        organization=organization,
    )


def accept(entry: UUID, person: UUID, token_hash: bytes) -> Statement[Accepted]:
    """The person is in the organization that the token of an invitation leads to."""
    return Statement(
        "select outcome, organization_id, invitation_id from accept_invitation(%(entry)s, %(person)s, %(token_hash)s)",
        Accepted,
        entry=entry,
        person=person,
        token_hash=token_hash,
    )


# An organization's.


def page(organization: UUID, *, limit: int, offset: int) -> Statement[Member]:
    """Members, the earliest first."""
    return Statement(
        """
        select user_id, organization_id, email, name, image, role, joined_at
          from organization_members(%(organization)s, null, null, %(limit)s, %(offset)s)
        """,
        Member,
        organization=organization,
        limit=limit,
        offset=offset,
    )


def total(organization: UUID) -> Statement[Total]:
    return Statement(
        "select count(*) as n from memberships where organization_id = %(organization)s",
        Total,
        organization=organization,
    )


def one(organization: UUID, *, person: UUID | None = None, email: str | None = None) -> Statement[Member]:
    """The member of this id, or of this e-mail address."""
    return Statement(
        """
        select user_id, organization_id, email, name, image, role, joined_at
          from organization_members(%(organization)s, %(person)s::uuid, %(email)s::text, 1, 0)
        """,
        Member,
        organization=organization,
        person=person,
        email=email,
    )


def rename(
    entry: UUID, organization: UUID, actor: UUID, name: str | None, slug: str | None
) -> Statement[Ended]:
    """None: as it is."""
    return Statement(
        "select rename_organization(%(entry)s, %(organization)s, %(actor)s, %(name)s::text, %(slug)s::text) as outcome",
        Ended,
        entry=entry,
        organization=organization,
        actor=actor,
        name=name,
        slug=slug,
    )


def own(organization: UUID, person: UUID) -> Statement[Membership]:
    """The organization, as this person is in it."""
    return Statement(
        """
        select o.id, o.name, o.slug, o.created_at, m.role
          from organizations o
          join memberships m on m.organization_id = o.id and m.user_id = %(person)s
         where o.id = %(organization)s
        """,
        Membership,
        organization=organization,
        person=person,
    )


def add(entry: UUID, organization: UUID, actor: UUID, email: str, role: Role) -> Statement[Added]:
    return Statement(
        "select outcome, user_id from add_member_by_email(%(entry)s, %(organization)s, %(actor)s, %(email)s, %(role)s)",
        Added,
        entry=entry,
        organization=organization,
        actor=actor,
        email=email,
        role=role,
    )


def change_role(entry: UUID, organization: UUID, actor: UUID, person: UUID, role: Role) -> Statement[Ended]:
    return Statement(
        "select change_member_role(%(entry)s, %(organization)s, %(actor)s, %(person)s, %(role)s) as outcome",
        Ended,
        entry=entry,
        organization=organization,
        actor=actor,
        person=person,
        role=role,
    )


def remove(entry: UUID, organization: UUID, actor: UUID, person: UUID) -> Statement[Ended]:
    """Whoever acts on themselves leaves."""
    return Statement(
        "select remove_member(%(entry)s, %(organization)s, %(actor)s, %(person)s) as outcome",
        Ended,
        entry=entry,
        organization=organization,
        actor=actor,
        person=person,
    )


# Invitations.

_COLUMNS: LiteralString = (
    "id, organization_id, email::text as email, role, status, invited_by, created_at, expires_at"
)


def invitations(organization: UUID, limit: int) -> Statement[Invitation]:
    """The newest."""
    return Statement(
        "select "
        + _COLUMNS
        + """
          from invitations
         where organization_id = %(organization)s
         order by created_at desc, id desc
         limit %(limit)s
        """,
        Invitation,
        organization=organization,
        limit=limit,
    )


def invitation(organization: UUID, invitation: UUID | None) -> Statement[Invitation]:
    return Statement(
        "select "
        + _COLUMNS
        + " from invitations where organization_id = %(organization)s and id = %(invitation)s::uuid",
        Invitation,
        organization=organization,
        invitation=invitation,
    )


def invite(
    entry: UUID,
    organization: UUID,
    actor: UUID,
    invitation: UUID,
    email: str,
    role: Role,
    token_hash: bytes,
    life: int,
    most: int,
) -> Statement[Invited]:
    """An invitation that lives `life` seconds, in the place of the one that was pending for this address;
    `most` others may be pending.
    """
    return Statement(
        """
        select outcome, invitation_id
          from invite_member(%(entry)s, %(organization)s, %(actor)s, %(invitation)s, %(email)s, %(role)s, %(token_hash)s, %(life)s, %(most)s)
        """,
        Invited,
        entry=entry,
        organization=organization,
        actor=actor,
        invitation=invitation,
        email=email,
        role=role,
        token_hash=token_hash,
        life=life,
        most=most,
    )


def cancel(entry: UUID, organization: UUID, actor: UUID, invitation: UUID) -> Statement[Ended]:
    return Statement(
        "select cancel_invitation(%(entry)s, %(organization)s, %(actor)s, %(invitation)s) as outcome",
        Ended,
        entry=entry,
        organization=organization,
        actor=actor,
        invitation=invitation,
    )
