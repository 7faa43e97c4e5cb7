"""Logins at devices: through definer functions, since no role of ours is granted the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vitrine.db import Statement

if TYPE_CHECKING:
    from uuid import UUID

Decision = Literal["approved", "denied"]


@dataclass(frozen=True, slots=True)
class Opened:
    opened: bool  # False: the user code is in use


@dataclass(frozen=True, slots=True)
class Waiting:
    status: Literal["pending", "approved", "denied", "expired"]
    client_id: str
    scope: str


@dataclass(frozen=True, slots=True)
class Decided:
    outcome: Literal["approved", "denied", "unknown", "expired", "decided", "signed_out"]


@dataclass(frozen=True, slots=True)
class Polled:
    state: Literal["approved", "pending", "too_early", "denied", "expired", "unknown", "of_another_client"]
    scope: str | None  # None: unknown


def put(
    login: UUID, code_hash: bytes, user_code: str, client: str, scope: str, life: int, interval: int
) -> Statement[Opened]:
    """A login that waits for its person for `life` seconds, and may be polled every `interval`."""
    return Statement(
        "select open_device_code(%(login)s, %(code_hash)s, %(user_code)s, %(client)s, %(scope)s, %(life)s, %(interval)s) as opened",
        Opened,
        login=login,
        code_hash=code_hash,
        user_code=user_code,
        client=client,
        scope=scope,
        life=life,
        interval=interval,
    )


def waiting(user_code: str) -> Statement[Waiting]:
    return Statement(
        "select status, client_id, scope from find_device_code(%(user_code)s)",
        Waiting,
        user_code=user_code,
    )


def decide(user_code: str, person: UUID, session: UUID, decision: Decision) -> Statement[Decided]:
    """One row, whatever comes of it. An approval ends with the session that gave it, unless it is
    redeemed before.
    """
    return Statement(
        "select decide_device_code(%(user_code)s, %(person)s, %(session)s, %(decision)s) as outcome",
        Decided,
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
) -> Statement[Polled]:
    """One row: how the login stands. Once it is approved the row is the only one that says so, and the
    session given has begun.
    """
    return Statement(
        """
        select state, scope
          from poll_device_code(%(code_hash)s, %(client)s, %(session)s, %(token_hash)s, %(life)s, %(address)s, %(user_agent)s)
        """,
        Polled,
        code_hash=code_hash,
        client=client,
        session=session,
        token_hash=token_hash,
        life=life,
        address=address,
        user_agent=user_agent,
    )
