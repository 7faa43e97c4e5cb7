"""What people do to organizations: create one, invite and add members, change roles, leave.

An owner may do all of it. An admin may do all of it, except make, change or remove an owner. Any member may
leave, except the last owner. The database authorizes the actor under
a lock, by the role that the actor has then. Every change is recorded in the organization's audit log.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from vitrine import queries
from vitrine.credentials import fingerprint, mint_id, mint_session_token
from vitrine.db import read, read_all, transaction, write
from vitrine.errors import ApiError, Conflict, Forbidden, Invalid, NotAMember, NotFound, UnknownOrganization
from vitrine.library import clean_name, organization_slug
from vitrine.library.organizations import DEFAULT_COLLECTION, MAX_NAME, MAX_SLUG, is_slug
from vitrine.models.people import Consumer, Membership, Nobody
from vitrine.settings import settings
from vitrine.texts import fold_email

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from vitrine.db import Statement, Transaction
    from vitrine.models.people import Caller, Invitation, Member, Person, Role

T = TypeVar("T")
E = TypeVar(
    "E", queries.members.ChangeOutcome, queries.members.AddedMember, queries.members.InvitationOutcome
)

MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class IssuedInvitation:
    """A new invitation. Its token is known only here."""

    invitation: Invitation
    token: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An invitation that was accepted, and its person as a member."""

    invitation: Invitation
    member: Member


# A person's organizations.


def list_organizations(person: Person) -> list[Membership]:
    """The first thousand organizations that the person belongs to, the earliest membership first."""
    return read(Nobody(), queries.members.organizations_of(person.user_id, MAX_LISTED))


def create_organization(person: Person, name: str, slug: str | None) -> Membership:
    """Create an organization with a default collection, owned by this person and active in their session.

    Without a slug one is made from the name. Raises Conflict when the slug is taken or the person owns
    `max_organizations`, Invalid when the name or the slug is malformed.
    """
    organization, most = mint_id(), settings().max_organizations
    cleaned = clean_name(name, most=MAX_NAME)
    created = write(
        Nobody(),
        queries.members.create_organization(
            mint_id(),
            person.user_id,
            person.session_id,
            organization,
            cleaned,
            [_clean_slug(slug)] if slug is not None else _slug_candidates(cleaned),
            mint_id(),
            DEFAULT_COLLECTION,
            most,
        ),
    )[0]
    if created.outcome == "too_many":
        raise Conflict(f"A person can own {most} organizations, and no more", code="too_many_organizations")
    if created.slug is None or created.created_at is None:
        raise Conflict("This slug is taken", code="slug_taken")
    return Membership(organization, cleaned, created.slug, created.created_at, "owner")


def get_organization(person: Person, organization: UUID) -> Membership:
    """The organization and the person's role in it. Raises UnknownOrganization, NotAMember."""
    membership = _select_organization(person, None, organization)
    if membership is None:
        raise UnknownOrganization("Organization not found")
    return membership


def set_active_organization(person: Person, organization: UUID | None) -> Membership | None:
    """Make the organization the active one of the person's session; None: no organization is active.

    Raises UnknownOrganization, NotAMember.
    """
    return _select_organization(person, person.session_id, organization)


def _select_organization(
    person: Person, session: UUID | None, organization: UUID | None
) -> Membership | None:
    selected = write(Nobody(), queries.members.select_organization(person.user_id, session, organization))[0]
    _raise_unless_done(selected.outcome, UnknownOrganization("Organization not found"))
    if (
        selected.id is None
        or selected.name is None
        or selected.slug is None
        or selected.created_at is None
        or selected.role is None
    ):
        return None
    return Membership(selected.id, selected.name, selected.slug, selected.created_at, selected.role)


def accept_invitation(person: Person, token: str) -> Acceptance:
    """Make the person a member of the organization that invited their address. Idempotent.

    A person who is a member already keeps their role. Raises NotFound when the token is unknown, expired,
    canceled, replaced or used by another person, Forbidden when another address was invited.
    """
    accepted = write(
        Nobody(), queries.members.accept_invitation(mint_id(), person.user_id, fingerprint(token))
    )[0]
    if accepted.outcome == "other_person":
        raise Forbidden("This invitation is for another e-mail address than yours", code="other_recipient")
    if accepted.outcome == "absent" or accepted.organization_id is None or accepted.invitation_id is None:
        raise NotFound("There is no such invitation, or it is not open any more")
    organization = accepted.organization_id
    invitation, member = read_all(
        Consumer(organization),
        queries.members.invitation(organization, accepted.invitation_id),
        queries.members.one(organization, person=person.user_id),
    )
    if not member:  # removed within the last millisecond
        raise NotFound("There is no such invitation, or it is not open any more")
    return Acceptance(invitation[0], member[0])


# One organization and its members.


def rename_organization(caller: Caller, name: str | None, slug: str | None) -> Membership:
    """Set the organization's name and slug; None leaves one as it is.

    Raises Conflict when the slug is taken, Invalid when either is malformed.
    """
    cleaned = clean_name(name, most=MAX_NAME) if name is not None else None
    statement = queries.members.rename_organization(
        mint_id(),
        caller.organization_id,
        caller.user_id,
        cleaned,
        _clean_slug(slug) if slug is not None else None,
    )
    return _run_change(
        caller, statement, lambda _: queries.members.membership(caller.organization_id, caller.user_id)
    )


def list_members(caller: Caller, *, limit: int, offset: int) -> tuple[list[Member], int]:
    """A page of members, the earliest first, and the total number."""
    page, total = read_all(
        caller,
        queries.members.page(caller.organization_id, limit=limit, offset=offset),
        queries.members.total(caller.organization_id),
    )
    return page, total[0].n


def add(caller: Caller, email: str, role: Role) -> Member:
    """Make the person of this e-mail address a member in this role.

    Raises NotFound when no person has the address, Conflict when they are a member already.
    """
    organization = caller.organization_id
    return _run_change(
        caller,
        queries.members.add(mint_id(), organization, caller.user_id, fold_email(email), role),
        lambda added: queries.members.one(organization, person=added.user_id),
        absent=NotFound(
            "Nobody here has this e-mail address; an invitation can be sent to it", code="no_such_person"
        ),
    )


def change_role(caller: Caller, person: UUID, role: Role) -> Member:
    """Set the member's role. Raises NotFound when there is no such member, Conflict for the last owner."""
    organization = caller.organization_id
    return _run_change(
        caller,
        queries.members.change_role(mint_id(), organization, caller.user_id, person, role),
        lambda _: queries.members.one(organization, person=person),
    )


def remove(caller: Caller, *, person: UUID | None = None, email: str | None = None) -> Member:
    """Remove the member of this user id or e-mail address, and return them as they were.

    Raises NotFound when there is no such member, Conflict for the last owner.
    """
    organization, address = caller.organization_id, None if email is None else fold_email(email)

    def work(db: Transaction) -> Member:
        member = db.first(queries.members.one(organization, person=person, email=address))
        if member is None:
            raise _no_member()
        removed = db.run(queries.members.remove(mint_id(), organization, caller.user_id, member.user_id))[0]
        _raise_unless_done(removed.outcome, _no_member())
        return member

    return transaction(caller, work)


def leave(caller: Caller) -> Member:
    """Remove the caller from the organization. Raises Conflict for the last owner."""
    return remove(caller, person=caller.user_id)


# Invitations.


def list_invitations(caller: Caller) -> list[Invitation]:
    """The newest thousand invitations of the organization, in any status."""
    return read(caller, queries.members.invitations(caller.organization_id, MAX_LISTED))


def invite(caller: Caller, email: str, role: Role) -> IssuedInvitation:
    """Invite the person of this e-mail address, who joins with the token within `invitation_ttl`.

    An invitation that is pending for the address is replaced. Raises Conflict when the address belongs to a
    member, or `max_invitations` are pending.
    """
    organization, token = caller.organization_id, mint_session_token()
    invitation = _run_change(
        caller,
        queries.members.invite(
            mint_id(),
            organization,
            caller.user_id,
            mint_id(),
            fold_email(email),
            role,
            fingerprint(token),
            settings().invitation_ttl,
            settings().max_invitations,
        ),
        lambda invited: queries.members.invitation(organization, invited.invitation_id),
    )
    return IssuedInvitation(invitation, token)


def cancel_invitation(caller: Caller, invitation: UUID) -> Invitation:
    """Cancel the invitation, so that its token is no longer accepted. Idempotent.

    Raises NotFound, and Conflict when it was accepted.
    """
    organization = caller.organization_id
    return _run_change(
        caller,
        queries.members.cancel_invitation(mint_id(), organization, caller.user_id, invitation),
        lambda _: queries.members.invitation(organization, invitation),
        absent=NotFound("Invitation not found"),
    )


def _run_change(
    caller: Caller,
    change: Statement[E],
    read_result: Callable[[E], Statement[T]],
    *,
    absent: ApiError | None = None,
) -> T:
    """Run the change and read its result in the same transaction. Raises the error of an outcome other than
    success; `absent` is the error where the subject does not exist.
    """

    def work(db: Transaction) -> T:
        changed = db.run(change)[0]
        _raise_unless_done(changed.outcome, absent or _no_member())
        return db.run(read_result(changed))[0]

    return transaction(caller, work)


def _raise_unless_done(outcome: queries.members.Outcome, absent: ApiError) -> None:
    if outcome == "absent":
        raise absent
    if outcome in _ERRORS:
        kind, sentence, code = _ERRORS[outcome]
        raise kind(sentence, code=code)


_ERRORS: dict[queries.members.Outcome, tuple[type[ApiError], str, str | None]] = {
    # the role was lost after the request was admitted
    "forbidden": (Forbidden, "This takes the role owner or admin", None),
    "owners_only": (Forbidden, "Only an owner can make somebody an owner, or change or remove one", None),
    "last_owner": (Conflict, "An organization keeps an owner: make somebody else one first", "last_owner"),
    "stranger": (NotAMember, "You are not a member of this organization", None),
    "is_member": (Conflict, "Whoever has this e-mail address is a member already", "already_member"),
    "slug_taken": (Conflict, "This slug is taken", "slug_taken"),
    "too_many": (Conflict, "Too many invitations are pending; cancel some first", "too_many_invitations"),
    "accepted": (Conflict, "This invitation was accepted already", "already_accepted"),
}


def _no_member() -> NotFound:
    return NotFound("Member not found")


def _clean_slug(slug: str) -> str:
    if not is_slug(slug):
        raise Invalid(
            f"slug must have 1 to {MAX_SLUG} characters: a-z and 0-9, with single hyphens between them"
        )
    return slug


def _slug_candidates(name: str) -> list[str]:
    """The slug of the name, then two with random suffixes, which are practically never taken."""
    slug = organization_slug(name, most=80) or "team"
    return [slug, f"{slug}-{secrets.token_hex(3)}", f"{slug}-{secrets.token_hex(8)}"]
