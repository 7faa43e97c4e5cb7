"""People and their passwords, reached through security definer functions because no runtime role is granted
the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from vitrine.db import Statement
from vitrine.models.people import Account

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

_COLUMNS: LiteralString = " id, email, name, image, email_verified, created_at, updated_at, password_hash "


@dataclass(frozen=True, slots=True)
class Attempts:
    """Sign-in attempts at one account in the present window, including this one."""

    hits_here: int  # from one subnet
    hits_account: int | None  # from anywhere; None: not counted, because the subnet is over its own limit
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class PasswordChange:
    done: bool  # False: the stored hash was another one


def by_email(email: str) -> Statement[Account]:
    """The account of this e-mail address, compared without regard to case."""
    return Statement(
        "select " + _COLUMNS + " from account_by_email(%(email)s)",
        Account,
        email=email,
    )


def by_id(person: UUID) -> Statement[Account]:
    """The account of this id."""
    return Statement(
        "select " + _COLUMNS + " from account_by_id(%(person)s)",
        Account,
        person=person,
    )


def insert(person: UUID, email: str, name: str, password_hash: str) -> Statement[Account]:
    """Insert a person. No row when the e-mail address is taken."""
    return Statement(
        "select " + _COLUMNS + " from sign_up(%(person)s, %(email)s, %(name)s, %(password_hash)s)",
        Account,
        person=person,
        email=email,
        name=name,
        password_hash=password_hash,
    )


def replace_password(person: UUID, known: str, new: str) -> Statement[PasswordChange]:
    """Replace the person's password hash if it is still `known`."""
    return Statement(
        "select replace_password(%(person)s, %(known)s, %(new)s) as done",
        PasswordChange,
        person=person,
        known=known,
        new=new,
    )


def count_attempt(here: str, account: str, most_here: int, seconds: int) -> Statement[Attempts]:
    """Count one sign-in attempt in windows of `seconds`, in the buckets `here` (one subnet) and `account`.

    The account's bucket is left alone when `here` has more than `most_here`.
    """
    return Statement(
        """
        select hits_here, hits_account, resets_at
          from count_sign_in(%(here)s, %(account)s, %(most_here)s, %(seconds)s)
        """,
        Attempts,
        here=here,
        account=account,
        most_here=most_here,
        seconds=seconds,
    )
