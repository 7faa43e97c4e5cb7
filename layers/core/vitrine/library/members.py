"""Who is in an organization: founding one, inviting, joining, changing roles, leaving. Every act is in the
organization's audit log.

An owner may do all of it; an admin, to and with everybody but owners: neither makes one, nor changes or
removes one. Anybody may leave, but the last
owner. The database judges, under a lock, by the role that the one who acts has then: `_judge` tells its word
as a refusal.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from vitrine import queries
from vitrine.credentials import fingerprint, mint_id, mint_session_token
from vitrine.db import read, read_all, transaction, write
from vitrine.errors import ApiError, Conflict, Forbidden, Invalid, NotAMember, NotFound, UnknownOrganization
from vitrine.library import clean_name, slug_of
from vitrine.models.people import Consumer, Membership, Nobody
from vitrine.settings import settings
from vitrine.texts import fold_email

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from vitrine.db import Statement, Transaction
    from vitrine.models.people import Caller, Invitation, Member, Person, Role

T = TypeVar("T")
E = TypeVar("E", queries.members.Ended, queries.members.Added, queries.members.Invited)

MOST_LISTED = 1000
MOST_IN_A_NAME = 100  # code points
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DEFAULT_COLLECTION = "Default"


@dataclass(frozen=True, slots=True)
class Offer:
    """A new invitation: the only time its token is known."""

    invitation: Invitation
    token: str


@dataclass(frozen=True, slots=True)
class Joined:
    """An invitation that was accepted, and what its person is in the organization."""

    invitation: Invitation
    member: Member


# What a person does, wherever they belong.


def organizations(person: Person) -> list[Membership]:
    """Those that the person is in, the earliest membership first; the first thousand."""
    return read(Nobody(), queries.members.organizations_of(person.user_id, MOST_LISTED))


def found(person: Person, name: str, slug: str | None) -> Membership:
    """There is an organization with a default collection, owned by this person and active in their session.
    No slug: one made of the name.

    Raises Conflict when the slug is taken or the person owns `max_organizations`, Invalid when either cannot
    be one.
    """
    organization, most = mint_id(), settings().max_organizations
    clean = clean_name(name, most=MOST_IN_A_NAME)
    made = write(
        Nobody(),
        queries.members.found(
            mint_id(),
            person.user_id,
            person.session_id,
            organization,
            clean,
            [_clean_slug(slug)] if slug is not None else _slugs(clean),
            mint_id(),
            DEFAULT_COLLECTION,
            most,
        ),
    )[0]
    if made.outcome == "too_many":
        raise Conflict(f"A person can own {most} organizations, and no more", code="too_many_organizations")
    if made.slug is None or made.created_at is None:
        raise Conflict("This slug is taken", code="slug_taken")
    return Membership(organization, clean, made.slug, made.created_at, "owner")


def organization(person: Person, organization: UUID) -> Membership:
    """The organization, as the person is in it. Raises UnknownOrganization, NotAMember."""
    found = _chosen(person, None, organization)
    if found is None:
        raise UnknownOrganization("Organization not found")
    return found


def choose(person: Person, organization: UUID | None) -> Membership | None:
    """The organization is the active one of the person's session; None: none is. Raises
    UnknownOrganization, NotAMember.
    """
    return _chosen(person, person.session_id, organization)


def _chosen(person: Person, session: UUID | None, organization: UUID | None) -> Membership | None:
    chosen = write(Nobody(), queries.members.choose(person.user_id, session, organization))[0]
    _judge(chosen.outcome, UnknownOrganization("Organization not found"))
    if (
        chosen.id is None
        or chosen.name is None
        or chosen.slug is None
        or chosen.created_at is None
        or chosen.role is None
    ):
        return None
    return Membership(chosen.id, chosen.name, chosen.slug, chosen.created_at, chosen.role)


def accept(person: Person, token: str) -> Joined:
    """The person is in the organization that invited their address; who is in it already keeps their role.
    May be repeated: the answer is the same.

    Raises NotFound when the token is unknown, expired, canceled, replaced or somebody has used it, Forbidden
    when another address was invited.
    """
    accepted = write(Nobody(), queries.members.accept(mint_id(), person.user_id, fingerprint(token)))[0]
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
    return Joined(invitation[0], member[0])


# What is done in an organization.


def rename(caller: Caller, name: str | None, slug: str | None) -> Membership:
    """The organization has this name and slug; None: the one it had. Raises Conflict when the slug is
    taken, Invalid when either cannot be one.
    """
    clean = clean_name(name, most=MOST_IN_A_NAME) if name is not None else None
    statement = queries.members.rename(
        mint_id(),
        caller.organization_id,
        caller.user_id,
        clean,
        _clean_slug(slug) if slug is not None else None,
    )
    return _done(caller, statement, lambda _: queries.members.own(caller.organization_id, caller.user_id))


def listed(caller: Caller, *, limit: int, offset: int) -> tuple[list[Member], int]:
    """The earliest members first, and how many there are."""
    page, total = read_all(
        caller,
        queries.members.page(caller.organization_id, limit=limit, offset=offset),
        queries.members.total(caller.organization_id),
    )
    return page, total[0].n


def add(caller: Caller, email: str, role: Role) -> Member:
    """The person of this address is in the organization. Raises NotFound when nobody has it, Conflict
    when they are in it already.
    """
    organization = caller.organization_id
    return _done(
        caller,
        queries.members.add(mint_id(), organization, caller.user_id, fold_email(email), role),
        lambda added: queries.members.one(organization, person=added.user_id),
        absent=NotFound(
            "Nobody here has this e-mail address; an invitation can be sent to it", code="no_such_person"
        ),
    )


def change_role(caller: Caller, person: UUID, role: Role) -> Member:
    """The member has this role. Raises NotFound when there is no such member, Conflict for the last owner."""
    organization = caller.organization_id
    return _done(
        caller,
        queries.members.change_role(mint_id(), organization, caller.user_id, person, role),
        lambda _: queries.members.one(organization, person=person),
    )


def remove(caller: Caller, *, person: UUID | None = None, email: str | None = None) -> Member:
    """The member of this id or address is in the organization no more. Raises as `change_role` does."""
    organization, address = caller.organization_id, None if email is None else fold_email(email)

    def work(db: Transaction) -> Member:
        member = db.first(queries.members.one(organization, person=person, email=address))
        if member is None:
            raise _no_member()
        _judge(
            db.run(queries.members.remove(mint_id(), organization, caller.user_id, member.user_id))[
                0
            ].outcome,
            _no_member(),
        )
        return member

    return transaction(caller, work)


def leave(caller: Caller) -> Member:
    """The caller is in the organization no more. Raises Conflict for the last owner."""
    return remove(caller, person=caller.user_id)


# Invitations.


def invitations(caller: Caller) -> list[Invitation]:
    """The newest thousand, whatever became of them."""
    return read(caller, queries.members.invitations(caller.organization_id, MOST_LISTED))


def invite(caller: Caller, email: str, role: Role) -> Offer:
    """Whoever has this address, and the token, may join within `invitation_ttl`. What was pending for the
    address is replaced.

    Raises Conflict when the address is a member's, or `max_invitations` are pending.
    """
    organization, token = caller.organization_id, mint_session_token()
    invitation = _done(
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
    return Offer(invitation, token)


def cancel(caller: Caller, invitation: UUID) -> Invitation:
    """The invitation's token opens nothing; may be repeated. Raises NotFound, Conflict when it was
    accepted.
    """
    organization = caller.organization_id
    return _done(
        caller,
        queries.members.cancel(mint_id(), organization, caller.user_id, invitation),
        lambda _: queries.members.invitation(organization, invitation),
        absent=NotFound("Invitation not found"),
    )


def _done(
    caller: Caller, act: Statement[E], shown: Callable[[E], Statement[T]], *, absent: ApiError | None = None
) -> T:
    """What is shown of an act that was done, in its transaction. Raises what its word means."""

    def work(db: Transaction) -> T:
        ended = db.run(act)[0]
        _judge(ended.outcome, absent or _no_member())
        return db.run(shown(ended))[0]

    return transaction(caller, work)


def _judge(outcome: queries.members.Outcome, absent: ApiError) -> None:
    """Raises what the database's word means, unless it is that all is well."""
    if outcome == "absent":
        raise absent
    if outcome in _WORDS:
        kind, sentence, code = _WORDS[outcome]
        raise kind(sentence, code=code)


_WORDS: dict[queries.members.Outcome, tuple[type[ApiError], str, str | None]] = {
    # it was lost since the request was let in
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
    if not SLUG.fullmatch(slug) or len(slug) > MOST_IN_A_NAME:
        raise Invalid(
            f"slug must have 1 to {MOST_IN_A_NAME} characters: a-z and 0-9, with single hyphens between them"
        )
    return slug


def _slugs(name: str) -> list[str]:
    """What a name gives, and the same with suffixes that nobody has."""
    slug = slug_of(name, most=80) or "team"
    return [slug, f"{slug}-{secrets.token_hex(3)}", f"{slug}-{secrets.token_hex(8)}"]
