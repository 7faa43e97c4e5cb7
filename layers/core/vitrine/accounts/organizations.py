"""Organizations, members and invitations, `/api/auth/organization/...`, in the shapes of better-auth.

The id of a member is the id of the person.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from vitrine.dialects.dialect import Answer
from vitrine.dialects.formats import Id, Input, Time, parse_id, show_time
from vitrine.errors import Invalid, NotFound
from vitrine.models.people import MAX_EMAIL, Role
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine import models
    from vitrine.library.members import Acceptance, IssuedInvitation


# Requests.


def _validate_email(value: object) -> str:
    """Return the address, trimmed. It must look like an address; whether a mailbox exists is not checked.

    An invitation to an address without an account does no harm: nobody can accept it.
    """
    text = value.strip() if isinstance(value, str) else ""
    name, _, host = text.rpartition("@")
    if (
        not name
        or not host
        or len(text) > MAX_EMAIL
        or any(character.isspace() or not character.isprintable() for character in text)
    ):
        raise PydanticCustomError("email", "Must be an e-mail address")
    return text


Email = Annotated[
    str,
    BeforeValidator(_validate_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": MAX_EMAIL}),
]


class InOne(Input):
    """The organization of a request: the one named here, which x-team-id must not contradict, or the caller's
    own.
    """

    organizationId: Id | None = None


class NewOrganization(Input):
    """POST /api/auth/organization/create"""

    name: str
    slug: str | None = Field(None, description="made of the name when absent")


class Changes(Input):
    """The fields that change; absent fields stay as they are."""

    name: str | None = None
    slug: str | None = None


class ChangedOrganization(InOne):
    """POST /api/auth/organization/update"""

    data: Changes

    def changes(self) -> Changes:
        """Return the changes. Raises Invalid where there is none."""
        if self.data.name is None and self.data.slug is None:
            raise Invalid("data must hold a name or a slug")
        return self.data


class ActiveOrganization(Input):
    """POST /api/auth/organization/set-active"""

    organizationId: Id | None = Field(description="null: none")


class MembersQuery(InOne):
    """GET /api/auth/organization/list-members"""

    limit: int = Field(100, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=2**31 - 1)


class InvitationsQuery(InOne):
    """GET /api/auth/organization/list-invitations"""


class NewMember(InOne):
    """POST /api/auth/organization/add-member and .../invite-member"""

    email: Email
    role: Role


class ChangedMember(InOne):
    """POST /api/auth/organization/update-member-role"""

    memberId: Id
    role: Role


class OneMember(InOne):
    """POST /api/auth/organization/remove-member"""

    memberIdOrEmail: str = Field(max_length=MAX_EMAIL)

    def id_or_email(self) -> tuple[UUID | None, str | None]:
        """Return (id, None) or (None, e-mail address). Raises NotFound for a text that can be neither."""
        person = parse_id(self.memberIdOrEmail)
        if person is None and "@" not in self.memberIdOrEmail:
            raise NotFound("Member not found")
        return (person, None) if person is not None else (None, self.memberIdOrEmail)


class Left(Input):
    """POST /api/auth/organization/leave: the organization must be named."""

    organizationId: Id


class OneInvitation(InOne):
    """POST /api/auth/organization/cancel-invitation"""

    invitationId: Id


class Token(Input):
    """POST /api/auth/organization/accept-invitation"""

    token: Annotated[str, EXACT] = Field(min_length=1, max_length=255)


# Answers.


class Organization(TypedDict):
    id: str
    name: str
    slug: str
    role: Role  # of the caller
    createdAt: Time


class MemberUser(TypedDict):
    id: str
    name: str
    email: str
    image: str | None


class Member(TypedDict):
    id: str  # of the person
    organizationId: str
    userId: str
    role: Role
    createdAt: Time  # when they joined
    user: MemberUser


class Members(TypedDict):
    members: list[Member]
    total: int


class RemovedMember(TypedDict):
    member: Member


class Invitation(TypedDict):
    id: str
    organizationId: str
    email: str
    role: Role
    status: Literal["pending", "accepted", "canceled", "expired"]
    inviterId: str
    createdAt: Time
    expiresAt: Time


class NewInvitation(Invitation):
    token: str  # in this answer alone: the inviter passes it on


class AcceptedInvitation(TypedDict):
    invitation: Invitation
    member: Member


def show_organization(membership: models.people.Membership) -> Organization:
    return {
        "id": membership.id.hex,
        "name": membership.name,
        "slug": membership.slug,
        "role": membership.role,
        "createdAt": show_time(membership.created_at),
    }


def show_active(membership: models.people.Membership | None, cookie: str) -> Answer:
    """Serialize the active organization, or null, with the cookie that names it."""
    if membership is None:
        return Answer(b"null", headers={"content-type": "application/json"}, cookies=(cookie,))
    return Answer(show_organization(membership), cookies=(cookie,))


def show_member(member: models.people.Member) -> Member:
    return {
        "id": member.user_id.hex,
        "organizationId": member.organization_id.hex,
        "userId": member.user_id.hex,
        "role": member.role,
        "createdAt": show_time(member.joined_at),
        "user": {"id": member.user_id.hex, "name": member.name, "email": member.email, "image": member.image},
    }


def show_members(members: list[models.people.Member], total: int) -> Members:
    return {"members": [show_member(member) for member in members], "total": total}


def show_removed(member: models.people.Member) -> RemovedMember:
    return {"member": show_member(member)}


def show_invitation(invitation: models.people.Invitation) -> Invitation:
    expired = invitation.status == "pending" and invitation.expires_at <= datetime.now(UTC)
    return {
        "id": invitation.id.hex,
        "organizationId": invitation.organization_id.hex,
        "email": invitation.email,
        "role": invitation.role,
        "status": "expired" if expired else invitation.status,
        "inviterId": invitation.invited_by.hex,
        "createdAt": show_time(invitation.created_at),
        "expiresAt": show_time(invitation.expires_at),
    }


def show_offer(offer: IssuedInvitation) -> NewInvitation:
    return {**show_invitation(offer.invitation), "token": offer.token}


def show_joined(joined: Acceptance) -> AcceptedInvitation:
    return {"invitation": show_invitation(joined.invitation), "member": show_member(joined.member)}
