"""Logins at devices without a browser (RFC 8628).

A device begins a login, a signed-in person approves or denies it, and the device's next poll returns a
session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vitrine import queries
from vitrine.credentials import fingerprint, mint_device_code, mint_id, mint_session_token, mint_user_code
from vitrine.db import read, write
from vitrine.errors import DeviceAuthorizationError, ServiceUnavailable, Unauthorized
from vitrine.models.people import Nobody
from vitrine.settings import settings

if TYPE_CHECKING:
    from vitrine.models.people import Person
    from vitrine.queries.devices import Decision

MAX_TRIES = 5  # user codes: few of the 2**40 are in use, so even a second try is rare


@dataclass(frozen=True, slots=True)
class StartedLogin:
    """A login that waits for a decision. Its device code is known only here."""

    device_code: str
    user_code: str  # without dashes
    expires_in: int  # seconds
    interval: int  # seconds from one poll to the next


@dataclass(frozen=True, slots=True)
class Login:
    """A login, as a person sees it before deciding."""

    user_code: str
    status: Literal["pending", "approved", "denied"]
    client_id: str  # as the device names itself, unverified
    scope: str


@dataclass(frozen=True, slots=True)
class Granted:
    """A session opened by an approved poll. Its token is known only here."""

    token: str
    scope: str  # as requested; a session has every scope
    expires_in: int  # seconds, moved on by each use


_POLL_ERRORS: dict[str, tuple[str, str]] = {  # state of a poll -> RFC 8628's error code, and a sentence
    "pending": ("authorization_pending", "Authorization pending"),
    "too_early": ("slow_down", "Polling too frequently"),
    "denied": ("access_denied", "Access denied"),
    "expired": ("expired_token", "Device code has expired"),
    "unknown": ("invalid_grant", "Invalid device code"),
    "of_another_client": ("invalid_grant", "Client ID mismatch"),
}
_DECISION_ERRORS: dict[str, tuple[str, str]] = {
    "unknown": ("invalid_request", "Invalid user code"),
    "expired": ("expired_token", "User code has expired"),
    "decided": ("invalid_request", "Device code already processed"),
}


def begin(client_id: str, scope: str) -> StartedLogin:
    """Begin a login. Raises ServiceUnavailable when no free user code was found."""
    life, interval = settings().device_code_ttl, settings().device_interval
    device_code = mint_device_code()
    for _ in range(MAX_TRIES):
        user_code = mint_user_code()
        if write(
            Nobody(),
            queries.devices.put(
                mint_id(), fingerprint(device_code), user_code, client_id, scope, life, interval
            ),
        )[0].opened:
            return StartedLogin(device_code, user_code, life, interval)
    raise ServiceUnavailable("Too many logins are under way; try again")


def find(user_code: str) -> Login:
    """The login of this user code. Raises DeviceAuthorizationError when there is none or it has expired."""
    logins = read(Nobody(), queries.devices.waiting(user_code))
    if not logins:
        raise DeviceAuthorizationError(*_DECISION_ERRORS["unknown"])
    login = logins[0]
    if login.status == "expired":
        raise DeviceAuthorizationError(*_DECISION_ERRORS["expired"])
    return Login(user_code, login.status, login.client_id, login.scope)


def approve(person: Person, user_code: str) -> None:
    """Approve the login: the device's next poll returns a session of this person.

    The approval is void when the approving session has ended by then. Raises DeviceAuthorizationError when
    the login is unknown, expired or decided, Unauthorized when the session has ended since the request was
    admitted.
    """
    _decide(person, user_code, "approved")


def deny(person: Person, user_code: str) -> None:
    """Deny the login for good: the device's next poll returns `access_denied`.

    Raises DeviceAuthorizationError when the login is unknown, expired or decided, Unauthorized when the
    session has ended since the request was admitted.
    """
    _decide(person, user_code, "denied")


def _decide(person: Person, user_code: str, decision: Decision) -> None:
    if person.session_id is None:
        raise Unauthorized
    decided = write(Nobody(), queries.devices.decide(user_code, person.user_id, person.session_id, decision))
    outcome = decided[0].outcome
    if outcome == "signed_out":
        raise Unauthorized
    if outcome != decision:
        raise DeviceAuthorizationError(*_DECISION_ERRORS[outcome])


def poll(device_code: str, client_id: str, *, address: str, user_agent: str) -> Granted:
    """The session that the person granted. Exactly one poll receives it, however many race for it.

    Raises DeviceAuthorizationError before the approval, and for ever after a denial, an expiry or the grant
    itself. When the service is busy the error is `slow_down`: any other code would end the login at the
    device.
    """
    token, life = mint_session_token(), settings().session_ttl
    statement = queries.devices.poll(
        fingerprint(device_code),
        client_id,
        session=mint_id(),
        token_hash=fingerprint(token),
        life=life,
        address=address,
        user_agent=user_agent,
    )
    try:
        polled = write(Nobody(), statement)[0]
    except ServiceUnavailable as busy:
        raise DeviceAuthorizationError("slow_down", busy.sentence) from None
    if polled.state != "approved" or polled.scope is None:
        raise DeviceAuthorizationError(*_POLL_ERRORS[polled.state])
    return Granted(token, polled.scope, life)
