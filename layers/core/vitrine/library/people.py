"""People, recognized by e-mail and password: they sign up, sign in, and change the password."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.credentials import hash_password, is_outdated, mint_id, verify_password
from vitrine.db import read, transaction, write
from vitrine.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidCredentials,
    Issue,
    ServiceUnavailable,
    TooManyRequests,
    Unprocessable,
)
from vitrine.library import clean_name
from vitrine.models.people import Account, Nobody
from vitrine.settings import settings
from vitrine.texts import fold_email

if TYPE_CHECKING:
    from vitrine.db import Transaction
    from vitrine.models.people import Person

MIN_PASSWORD, MAX_PASSWORD = 8, 128  # characters, in the form that is hashed
WINDOW = 900  # seconds, in which failed attempts are counted

# What browsers take in <input type=email> (html.spec.whatwg.org, "valid email address"), of a name with a
# dot: they spell other alphabets' domains
# in ASCII too. No mail is sent, so nothing finer is known; two names that look alike are never two people.
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z",
    re.ASCII,
)


def sign_up(*, email: str, name: str, password: str) -> Account:
    """There is a person of this e-mail, in no organization, recognized by this password. Nobody knows whether
    the e-mail is theirs.

    Raises Forbidden where sign-up is closed, Invalid, Unprocessable when the e-mail is taken, also by
    somebody without a password.
    """
    if not settings().sign_up:
        raise Forbidden(
            "Signing up is closed here; ask whoever runs this service for an account", code="sign_up_closed"
        )
    wanted = fold_email(email)
    if not _EMAIL.match(wanted):
        raise Invalid("Invalid email", issues=(Issue(("email",), "Invalid email"),), code="invalid_email")
    called = clean_name(name.strip())
    check_password(password, "password", least=MIN_PASSWORD)
    made = write(Nobody(), queries.people.insert(mint_id(), wanted, called, hash_password(password)))
    if not made:
        raise Unprocessable("User already exists. Use another email.", code="user_already_exists")
    return made[0]


def sign_in(email: str, password: str, *, subnet: str) -> Account:
    """The person of this e-mail, whatever its case, whose password this is, with the hash it was held
    against. `subnet` is where they ask from.

    Raises InvalidCredentials, alike and after the same work whatever is wrong; TooManyRequests after too many
    failures; Invalid for what no password is;
    ServiceUnavailable when too many passwords are checked at the same time.
    """
    check_password(password, "password")
    wanted = fold_email(email)
    attempt = _Attempt.of(wanted, subnet)
    began = attempt.count()
    try:
        found = read(Nobody(), queries.people.by_email(wanted))
        stored = found[0].password_hash if found else None
        right = verify_password(stored, password)
    except ServiceUnavailable:  # the password was not verified
        attempt.take_back(began)
        raise
    if not right or stored is None:
        raise InvalidCredentials
    attempt.take_back(began)
    if not is_outdated(stored):
        return found[0]
    anew = hash_password(password)
    if write(Nobody(), queries.people.replace_password(found[0].id, stored, anew))[0].done:
        return replace(found[0], password_hash=anew)
    # another sign-in has made it anew; or it is another password now
    present = read(Nobody(), queries.people.by_id(found[0].id))[0]
    if not verify_password(present.password_hash, password):
        raise InvalidCredentials
    return present


def change_password(person: Person, *, current: str, new: str, end_others: bool) -> Account:
    """The new password is theirs in place of the current one; with `end_others` no session of theirs is open
    but the present one. Keys stay.

    Raises Invalid when the current password is another, or theirs is none, or the new one cannot be one;
    Conflict when it was changed meanwhile.
    """
    check_password(current, "currentPassword")
    check_password(new, "newPassword", least=MIN_PASSWORD)
    account = read(Nobody(), queries.people.by_id(person.user_id))[0]
    stored = account.password_hash
    if not verify_password(stored, current) or stored is None:
        raise Invalid(
            "Invalid password",
            issues=(Issue(("currentPassword",), "Invalid password"),),
            code="invalid_password",
        )
    hashed = hash_password(new)

    def work(db: Transaction) -> None:
        if not db.run(queries.people.replace_password(account.id, stored, hashed))[0].done:
            raise Conflict("The password was changed at the same time")
        if end_others:
            db.queue(queries.sessions.end_others(account.id, person.session_id))

    transaction(Nobody(), work)
    return account


def check_password(password: str, field: str, *, least: int = 0) -> None:
    """Whether it can be one, before anything is hashed. Raises Invalid, naming the field."""
    # Composing may halve a text, hardly more; and it takes longer than the hashing for a very long one.
    length = (
        len(password) if len(password) > 4 * MAX_PASSWORD else len(unicodedata.normalize("NFKC", password))
    )
    if length < least:
        raise Invalid(
            "Password too short",
            issues=(Issue((field,), f"Must have at least {least} characters"),),
            code="password_too_short",
        )
    if length > MAX_PASSWORD:
        raise Invalid(
            "Password too long",
            issues=(Issue((field,), f"Must have at most {MAX_PASSWORD} characters"),),
            code="password_too_long",
        )


@dataclass(frozen=True, slots=True)
class _Attempt:
    """At an account, whether it exists or not, from one place. Counted before the password is looked at, so
    that guesses made at once are too.

    An account is named by its folded e-mail (`fold_email`), as it is looked up: however an address is typed,
    it is counted once.
    """

    here: str
    account: str

    @classmethod
    def of(cls, email: str, subnet: str) -> _Attempt:
        # the text may be a password typed in the wrong field: only its hash is stored
        named = hashlib.sha256(email.encode()).hexdigest()
        return cls(f"sign_in:{named}:{subnet}", f"sign_in:{named}")

    def count(self) -> datetime | None:
        """When the window began in which the attempt is counted; None: nothing is counted.

        Raises TooManyRequests: of one place early, of all together late, for else anybody could lock anybody
        out. What is over a limit is not
        counted: many right attempts at once must not use up the window, and a window that failures have used
        up stays so.
        """
        if not settings().rate_limits:
            return None
        most_here, most = settings().sign_in_limit, settings().sign_in_account_limit
        counted = write(Nobody(), queries.people.count_attempt(self.here, self.account, most_here, WINDOW))[0]
        began = counted.resets_at - timedelta(seconds=WINDOW)
        if counted.hits_account is None or counted.hits_account > most:
            buckets = [self.here] if counted.hits_account is None else [self.here, self.account]
            write(Nobody(), queries.identity.uncount_request(buckets, began))
            retry_after = max(1, ceil((counted.resets_at - datetime.now(UTC)).total_seconds()))
            allowed = most_here if counted.hits_account is None else most
            raise TooManyRequests(allowed=allowed, resets_at=counted.resets_at, retry_after=retry_after)
        return began

    def take_back(self, began: datetime | None) -> None:
        """Remove the attempt from its counts, in the window that began then."""
        if began is not None:
            write(Nobody(), queries.identity.uncount_request([self.here, self.account], began))
