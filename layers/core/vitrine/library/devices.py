"""Logins at devices without a browser (RFC 8628): a device asks, a signed-in person decides, the device's
next poll is given a session.
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

TRIES = 5  # at a user code that nobody has: of 2**40 few are in use, so a second one is rare


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that waits: the only time its device code is known."""

    device_code: str
    user_code: str  # without dashes
    expires_in: int  # seconds
    interval: int  # seconds from one poll to the next


@dataclass(frozen=True, slots=True)
class Login:
    """What a person sees of a login before they decide."""

    user_code: str
    status: Literal["pending", "approved", "denied"]
    client_id: str  # what the device calls itself: nothing vouches for it
    scope: str


@dataclass(frozen=True, slots=True)
class Granted:
    """A session, opened by the poll that this answers: the only time its token is known."""

    token: str
    scope: str  # as it was asked for; a session has all
    expires_in: int  # seconds, unless it is used before


_DENIALS: dict[str, tuple[str, str]] = {  # state of a poll -> RFC 8628's word, and a sentence
    "pending": ("authorization_pending", "Authorization pending"),
    "too_early": ("slow_down", "Polling too frequently"),
    "denied": ("access_denied", "Access denied"),
    "expired": ("expired_token", "Device code has expired"),
    "unknown": ("invalid_grant", "Invalid device code"),
    "of_another_client": ("invalid_grant", "Client ID mismatch"),
}
_UNDECIDED: dict[str, tuple[str, str]] = {
    "unknown": ("invalid_request", "Invalid user code"),
    "expired": ("expired_token", "User code has expired"),
    "decided": ("invalid_request", "Device code already processed"),
}


def begin(client_id: str, scope: str) -> Begun:
    """A login waits for its person. Raises ServiceUnavailable."""
    life, interval = settings().device_code_ttl, settings().device_interval
    device_code = mint_device_code()
    for _ in range(TRIES):
        user_code = mint_user_code()
        if write(
            Nobody(),
            queries.devices.put(
                mint_id(), fingerprint(device_code), user_code, client_id, scope, life, interval
            ),
        )[0].opened:
            return Begun(device_code, user_code, life, interval)
    raise ServiceUnavailable("Too many logins are under way; try again")


def find(user_code: str) -> Login:
    """The login that waits under this code. Raises DeviceAuthorizationError when there is none, or it is too late."""
    found = read(Nobody(), queries.devices.waiting(user_code))
    if not found:
        raise DeviceAuthorizationError(*_UNDECIDED["unknown"])
    if found[0].status == "expired":
        raise DeviceAuthorizationError(*_UNDECIDED["expired"])
    return Login(user_code, found[0].status, found[0].client_id, found[0].scope)


def approve(person: Person, user_code: str) -> None:
    """The device's next poll is given a session of this person, unless the session that approves has ended by
    then.

    Raises DeviceAuthorizationError when there is nothing to decide any more, Unauthorized when the session has ended since
    the request was admitted.
    """
    _decide(person, user_code, "approved")


def deny(person: Person, user_code: str) -> None:
    """The device's next poll is told so, and nobody can approve it any more. Raises DeviceAuthorizationError when there
    is nothing to decide any more.
    """
    _decide(person, user_code, "denied")


def _decide(person: Person, user_code: str, decision: Decision) -> None:
    if person.session_id is None:
        raise Unauthorized
    outcome = write(Nobody(), queries.devices.decide(user_code, person.user_id, person.session_id, decision))[
        0
    ].outcome
    if outcome == "signed_out":
        raise Unauthorized
    if outcome != decision:
        raise DeviceAuthorizationError(*_UNDECIDED[outcome])


def poll(device_code: str, client_id: str, *, address: str, user_agent: str) -> Granted:
    """The session that the person granted: once, however many polls race for it.

    Raises DeviceAuthorizationError until then, and for ever after a denial, an expiry or the grant itself. A poll that we
    are too busy for is told to slow down:
    any other word would end the login at the device.
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
        raise DeviceAuthorizationError(*_DENIALS[polled.state])
    return Granted(token, polled.scope, life)
