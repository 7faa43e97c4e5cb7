"""People who authenticate by e-mail and password: signing up, signing in, changing the password."""

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

# "Valid email address" of <input type=email> (html.spec.whatwg.org), with a dot in the domain. Browsers write
# other alphabets' domains in ASCII too, so two addresses that look alike are never two people. No mail is
# sent, so nothing stricter can be checked.
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,253}\Z)"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z",
    re.ASCII,
)


def sign_up(*, email: str, name: str, password: str) -> Account:
    """Create a person with this e-mail address and password, in no organization. The address is not verified.

    Raises Forbidden where sign-up is closed, Invalid, and Unprocessable when the address is taken, also by a
    person without a password.
    """
    if not settings().sign_up:
        raise Forbidden(
            "Signing up is closed here; ask whoever runs this service for an account", code="sign_up_closed"
        )
    address = fold_email(email)
    if not _EMAIL.match(address):
        raise Invalid("Invalid email", issues=(Issue(("email",), "Invalid email"),), code="invalid_email")
    cleaned = clean_name(name.strip())
    check_password(password, "password", least=MIN_PASSWORD)
    created = write(Nobody(), queries.people.insert(mint_id(), address, cleaned, hash_password(password)))
    if not created:
        raise Unprocessable("User already exists. Use another email.", code="user_already_exists")
    return created[0]


def sign_in(email: str, password: str, *, subnet: str) -> Account:
    """Authenticate a person by e-mail address (in any case) and password; the account has its password hash.

    `subnet` is the client's. Raises InvalidCredentials, with the same error and after the same work whatever
    is wrong; TooManyRequests after too many failures; Invalid for a text that cannot be a password;
    ServiceUnavailable when too many passwords are verified at the same time.
    """
    check_password(password, "password")
    address = fold_email(email)
    attempt = _Attempt.of(address, subnet)
    window_start = attempt.count()
    try:
        accounts = read(Nobody(), queries.people.by_email(address))
        stored = accounts[0].password_hash if accounts else None
        right = verify_password(stored, password)
    except ServiceUnavailable:  # the password was not verified
        attempt.uncount(window_start)
        raise
    if not right or stored is None:
        raise InvalidCredentials
    attempt.uncount(window_start)
    if not is_outdated(stored):
        return accounts[0]
    rehashed = hash_password(password)
    if write(Nobody(), queries.people.replace_password(accounts[0].id, stored, rehashed))[0].done:
        return replace(accounts[0], password_hash=rehashed)
    # a concurrent sign-in has rehashed it, or the password was changed
    present = read(Nobody(), queries.people.by_id(accounts[0].id))[0]
    if not verify_password(present.password_hash, password):
        raise InvalidCredentials
    return present


def change_password(person: Person, *, current: str, new: str, end_others: bool) -> Account:
    """Replace the person's password, and return the account as it was. API keys stay valid.

    With `end_others` all their sessions but the present one end. Raises Invalid when the current password is
    wrong or missing, or the new one is too short or too long; Conflict when it was changed meanwhile.
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
    """Check the password's length before anything is hashed. Raises Invalid, naming the field."""
    # Composing (NFKC) may halve a text, hardly more. For a very long text it takes longer than the hashing.
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
    """An attempt to sign in from one subnet, at an account that may not exist.

    Attempts are counted before the password is verified, so that concurrent guesses are counted too. The
    account is identified by its folded e-mail address (`fold_email`), so all ways to type it share a counter.
    """

    here: str
    account: str

    @classmethod
    def of(cls, email: str, subnet: str) -> _Attempt:
        # the text may be a password typed in the wrong field: only its hash is stored
        account = hashlib.sha256(email.encode()).hexdigest()
        return cls(f"sign_in:{account}:{subnet}", f"sign_in:{account}")

    def count(self) -> datetime | None:
        """Count the attempt and return when its window began; None: rate limits are off.

        Raises TooManyRequests. One subnet's limit is low and the account's is high, because otherwise anybody
        could lock anybody out. An attempt over a limit is not counted: many concurrent right attempts must
        not use up the window, and a window that failures have used up stays used up.
        """
        if not settings().rate_limits:
            return None
        most_here, most = settings().sign_in_limit, settings().sign_in_account_limit
        counted = write(Nobody(), queries.people.count_attempt(self.here, self.account, most_here, WINDOW))[0]
        window_start = counted.resets_at - timedelta(seconds=WINDOW)
        if counted.hits_account is None or counted.hits_account > most:
            buckets = [self.here] if counted.hits_account is None else [self.here, self.account]
            write(Nobody(), queries.identity.uncount_request(buckets, window_start))
            retry_after = max(1, ceil((counted.resets_at - datetime.now(UTC)).total_seconds()))
            allowed = most_here if counted.hits_account is None else most
            raise TooManyRequests(allowed=allowed, resets_at=counted.resets_at, retry_after=retry_after)
        return window_start

    def uncount(self, window_start: datetime | None) -> None:
        """Remove the attempt from the counters of the window that began then; None: it was not counted."""
        if window_start is not None:
            write(Nobody(), queries.identity.uncount_request([self.here, self.account], window_start))
