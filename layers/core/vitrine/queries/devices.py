"""Device logins (RFC 8628), reached through security definer functions because no runtime role is granted the
table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vitrine.db import Statement

if TYPE_CHECKING:
    from uuid import UUID

Decision = Literal["approved", "denied"]


@dataclass(frozen=True, slots=True)
class OpenedLogin:
    opened: bool  # False: the user code is in use


@dataclass(frozen=True, slots=True)
class WaitingLogin:
    status: Literal["pending", "approved", "denied", "expired"]
    client_id: str
    scope: str


@dataclass(frozen=True, slots=True)
class DecidedLogin:
    outcome: Literal["approved", "denied", "unknown", "expired", "decided", "signed_out"]


@dataclass(frozen=True, slots=True)
class PolledLogin:
    state: Literal["approved", "pending", "too_early", "denied", "expired", "unknown", "of_another_client"]
    scope: str | None  # None: the device code is unknown


def put(
    login: UUID, code_hash: bytes, user_code: str, client: str, scope: str, life: int, interval: int
) -> Statement[OpenedLogin]:
    """Insert a login that waits `life` seconds for a decision and may be polled every `interval` seconds."""
    return Statement(
        """
        select open_device_code(%(login)s, %(code_hash)s, %(user_code)s, %(client)s, %(scope)s, %(life)s,
                                %(interval)s) as opened
        """,
        OpenedLogin,
        login=login,
        code_hash=code_hash,
        user_code=user_code,
        client=client,
        scope=scope,
        life=life,
        interval=interval,
    )


def waiting(user_code: str) -> Statement[WaitingLogin]:
    """The login of this user code. No row when there is none."""
    return Statement(
        "select status, client_id, scope from find_device_code(%(user_code)s)",
        WaitingLogin,
        user_code=user_code,
    )


def decide(user_code: str, person: UUID, session: UUID, decision: Decision) -> Statement[DecidedLogin]:
    """Approve or deny the login; one row with the outcome.

    An approval that is not redeemed ends together with the session that granted it.
    """
    return Statement(
        "select decide_device_code(%(user_code)s, %(person)s, %(session)s, %(decision)s) as outcome",
        DecidedLogin,
        user_code=user_code,
        person=person,
        session=session,
        decision=decision,
    )


def poll(
    code_hash: bytes,
    client: str,
    *,
    session: UUID,
    token_hash: bytes,
    life: int,
    address: str,
    user_agent: str,
) -> Statement[PolledLogin]:
    """The state of the login, as one row.

    `approved` is returned to exactly one poll, and `session` is then open: `token_hash`, and `life` seconds
    after each use.
    """
    return Statement(
        """
        select state, scope
          from poll_device_code(%(code_hash)s, %(client)s, %(session)s, %(token_hash)s, %(life)s,
                                %(address)s, %(user_agent)s)
        """,
        PolledLogin,
        code_hash=code_hash,
        client=client,
        session=session,
        token_hash=token_hash,
        life=life,
        address=address,
        user_agent=user_agent,
    )
