"""Members and invitations of organizations.

Rows are read under row-level security. They are written through security definer functions, which lock the
organization and authorize the actor by the role that they have then.
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
class ChangeOutcome:
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class OrganizationCreation:
    outcome: Outcome
    slug: str | None  # the one of the offered slugs that was free; None: not created
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class SelectedOrganization:
    outcome: Outcome
    id: UUID | None
    name: str | None
    slug: str | None
    created_at: datetime | None
    role: Role | None


@dataclass(frozen=True, slots=True)
class AcceptanceOutcome:
    outcome: Outcome
    organization_id: UUID | None
    invitation_id: UUID | None


@dataclass(frozen=True, slots=True)
class AddedMember:
    outcome: Outcome
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class InvitationOutcome:
    outcome: Outcome
    invitation_id: UUID | None  # another id than the proposed one where a pending invitation was replaced


@dataclass(frozen=True, slots=True)
class MemberCount:
    n: int


# A person's organizations, outside any of them.


def organizations_of(person: UUID, limit: int) -> Statement[Membership]:
    """At most `limit` organizations that the person belongs to, the earliest membership first."""
    return Statement(
        "select id, name, slug, created_at, role from organizations_of(%(person)s, %(limit)s)",
        Membership,
        person=person,
        limit=limit,
    )


def create_organization(
    entry: UUID,
    person: UUID,
    session: UUID | None,
    organization: UUID,
    name: str,
    slugs: Sequence[str],
    collection: UUID,
    collection_name: str,
    most: int,
) -> Statement[OrganizationCreation]:
    """Insert an organization owned by this person, under the first of `slugs` that is free.

    Nothing is inserted when the person owns `most` organizations already. The organization becomes the
    active one of `session`. `entry` is the id of the audit log's entry.
    """
    return Statement(
        """
        select outcome, slug, created_at
          from create_organization(%(entry)s, %(person)s, %(session)s::uuid, %(organization)s, %(name)s,
                                  %(slugs)s::text[], %(collection)s, %(collection_name)s, %(most)s)
        """,
        OrganizationCreation,
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


def select_organization(
    person: UUID, session: UUID | None, organization: UUID | None
) -> Statement[SelectedOrganization]:
    """Make the organization the active one of the session (None: no organization) and return it.

    Without a session the organization is only returned.
    """
    return Statement(
        """
        select outcome, id, name, slug, created_at, role
          from set_active_organization(%(person)s, %(session)s::uuid, %(organization)s::uuid)
        """,
        SelectedOrganization,
        person=person,
        session=session,
        organization=organization,
    )


def accept_invitation(entry: UUID, person: UUID, token_hash: bytes) -> Statement[AcceptanceOutcome]:
    """Make the person a member of the organization whose invitation has this token."""
    return Statement(
        """
        select outcome, organization_id, invitation_id
          from accept_invitation(%(entry)s, %(person)s, %(token_hash)s)
        """,
        AcceptanceOutcome,
        entry=entry,
        person=person,
        token_hash=token_hash,
    )


# One organization's members.


def page(organization: UUID, *, limit: int, offset: int) -> Statement[Member]:
    """A page of members, the earliest first."""
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


def total(organization: UUID) -> Statement[MemberCount]:
    """The number of members."""
    return Statement(
        "select count(*) as n from memberships where organization_id = %(organization)s",
        MemberCount,
        organization=organization,
    )


def one(organization: UUID, *, person: UUID | None = None, email: str | None = None) -> Statement[Member]:
    """The member of this user id or of this e-mail address. No row when there is none."""
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


def rename_organization(
    entry: UUID, organization: UUID, actor: UUID, name: str | None, slug: str | None
) -> Statement[ChangeOutcome]:
    """Set the organization's name, its slug or both; None leaves the value. `entry`: the id of the row in the
    audit log. Outcomes: done, slug_taken, or forbidden when the actor's role does not permit it.
    """
    return Statement(
        """
        select rename_organization(%(entry)s, %(organization)s, %(actor)s, %(name)s::text, %(slug)s::text)
                   as outcome
        """,
        ChangeOutcome,
        entry=entry,
        organization=organization,
        actor=actor,
        name=name,
        slug=slug,
    )


def membership(organization: UUID, person: UUID) -> Statement[Membership]:
    """The organization and the person's role in it. No row when they are not a member."""
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


def add(entry: UUID, organization: UUID, actor: UUID, email: str, role: Role) -> Statement[AddedMember]:
    """Make the person of this e-mail address a member in this role."""
    return Statement(
        """
        select outcome, user_id
          from add_member_by_email(%(entry)s, %(organization)s, %(actor)s, %(email)s, %(role)s)
        """,
        AddedMember,
        entry=entry,
        organization=organization,
        actor=actor,
        email=email,
        role=role,
    )


def change_role(
    entry: UUID, organization: UUID, actor: UUID, person: UUID, role: Role
) -> Statement[ChangeOutcome]:
    """Update the member's role."""
    return Statement(
        """
        select change_member_role(%(entry)s, %(organization)s, %(actor)s, %(person)s, %(role)s) as outcome
        """,
        ChangeOutcome,
        entry=entry,
        organization=organization,
        actor=actor,
        person=person,
        role=role,
    )


def remove(entry: UUID, organization: UUID, actor: UUID, person: UUID) -> Statement[ChangeOutcome]:
    """Delete the membership of `person`. Any member may remove themselves."""
    return Statement(
        "select remove_member(%(entry)s, %(organization)s, %(actor)s, %(person)s) as outcome",
        ChangeOutcome,
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
    """At most `limit` invitations, the newest first."""
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
    """The invitation of this id. No row when there is none."""
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
) -> Statement[InvitationOutcome]:
    """Insert an invitation that expires in `life` seconds, in place of one that is pending for this address.

    Nothing is inserted when `most` others are pending.
    """
    return Statement(
        """
        select outcome, invitation_id
          from invite_member(%(entry)s, %(organization)s, %(actor)s, %(invitation)s, %(email)s, %(role)s,
                             %(token_hash)s, %(life)s, %(most)s)
        """,
        InvitationOutcome,
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


def cancel_invitation(
    entry: UUID, organization: UUID, actor: UUID, invitation: UUID
) -> Statement[ChangeOutcome]:
    """Cancel the pending invitation, so that its token is no longer accepted."""
    return Statement(
        "select cancel_invitation(%(entry)s, %(organization)s, %(actor)s, %(invitation)s) as outcome",
        ChangeOutcome,
        entry=entry,
        organization=organization,
        actor=actor,
        invitation=invitation,
    )
