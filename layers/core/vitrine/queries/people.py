"""People and their passwords: through definer functions, since no role of ours is granted the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine.db import Statement
from vitrine.models.people import Account

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Attempts:
    """At one account, in the present window, this one counted."""

    hits_here: int  # from one place
    hits_account: int | None  # from anywhere; None: not counted, since the place has used up its own
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Replaced:
    """Whether it was done."""

    done: bool


def by_email(email: str) -> Statement[Account]:
    """Whatever its case."""
    return Statement(
        "select id, email, name, image, email_verified, created_at, updated_at, password_hash from account_by_email(%(email)s)",
        Account,
        email=email,
    )


def by_id(person: UUID) -> Statement[Account]:
    return Statement(
        "select id, email, name, image, email_verified, created_at, updated_at, password_hash from account_by_id(%(person)s)",
        Account,
        person=person,
    )


def insert(person: UUID, email: str, name: str, password_hash: str) -> Statement[Account]:
    """No row where the e-mail is somebody's."""
    return Statement(
        """
        select id, email, name, image, email_verified, created_at, updated_at, password_hash
          from sign_up(%(person)s, %(email)s, %(name)s, %(password_hash)s)
        """,
        Account,
        person=person,
        email=email,
        name=name,
        password_hash=password_hash,
    )


def replace_password(person: UUID, known: str, new: str) -> Statement[Replaced]:
    """Not done where the known hash is no longer theirs."""
    return Statement(
        "select replace_password(%(person)s, %(known)s, %(new)s) as done",
        Replaced,
        person=person,
        known=known,
        new=new,
    )


def count_attempt(here: str, account: str, most_here: int, seconds: int) -> Statement[Attempts]:
    """One more attempt at an account, in windows of so many seconds; `here` and `account` are buckets."""
    return Statement(
        "select hits_here, hits_account, resets_at from count_sign_in(%(here)s, %(account)s, %(most_here)s, %(seconds)s)",
        Attempts,
        here=here,
        account=account,
        most_here=most_here,
        seconds=seconds,
    )
