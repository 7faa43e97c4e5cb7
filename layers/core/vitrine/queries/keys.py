"""API keys: through definer functions, since no role of ours is granted the table. Each names the person,
and reaches no other's keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine.db import Statement
from vitrine.models.people import ApiKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

_COLUMNS = " id, name, prefix, scopes, state, last_used_at, expires_at, revoked_at, created_at, updated_at "


@dataclass(frozen=True, slots=True)
class Locked:
    working: int  # keys of the person, at this moment


def lock(person: UUID) -> Statement[Locked]:
    """Nobody else who holds them makes or changes a key of this person until the transaction ends."""
    return Statement("select lock_api_keys(%(person)s) as working", Locked, person=person)


def newest(person: UUID, most_ended: int) -> Statement[ApiKey]:
    """All that work, then so many of the others; each newest first."""
    return Statement(
        "select " + _COLUMNS + " from api_keys_of(%(person)s, %(most_ended)s)",
        ApiKey,
        person=person,
        most_ended=most_ended,
    )


def one(person: UUID, key: UUID) -> Statement[ApiKey]:
    """No row: there is none, or it is another's."""
    return Statement(
        "select " + _COLUMNS + " from api_key_of(%(person)s, %(key)s)",
        ApiKey,
        person=person,
        key=key,
    )


def put(
    person: UUID,
    key: UUID,
    name: str,
    prefix: str,
    key_hash: bytes,
    scopes: Sequence[str],
    expires_at: datetime | None,
    *,
    rotated_from: UUID | None,
    made_by: UUID | None,
) -> Statement[ApiKey]:
    """A new key, kept as its hash. It ends with the key `made_by`; None: with the maker of the key it
    takes the place of, if that has one.
    """
    return Statement(
        "select "
        + _COLUMNS
        + """
          from put_api_key(%(person)s, %(key)s, %(name)s, %(prefix)s, %(key_hash)s, %(scopes)s, %(expires_at)s, %(rotated_from)s,
                           %(made_by)s)
        """,
        ApiKey,
        person=person,
        key=key,
        name=name,
        prefix=prefix,
        key_hash=key_hash,
        scopes=list(scopes),
        expires_at=expires_at,
        rotated_from=rotated_from,
        made_by=made_by,
    )


def change(
    person: UUID,
    key: UUID,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    *,
    prolonged: bool,
    made_by: UUID | None,
) -> Statement[ApiKey]:
    """The key is called so, reaches so far and ends then. One that is `prolonged` ends from then on with
    the key `made_by`; None: with no other.
    """
    return Statement(
        "select "
        + _COLUMNS
        + " from change_api_key(%(person)s, %(key)s, %(name)s, %(scopes)s, %(expires_at)s, %(prolonged)s, %(made_by)s)",
        ApiKey,
        person=person,
        key=key,
        name=name,
        scopes=list(scopes),
        expires_at=expires_at,
        prolonged=prolonged,
        made_by=made_by,
    )


def end(person: UUID, key: UUID, seconds: int) -> Statement[ApiKey]:
    """The key works for so many seconds more, never longer than it would have, nor do the keys that it made.
    No row: there is none, or it is
    another's.
    """
    return Statement(
        "select " + _COLUMNS + " from end_api_key(%(person)s, %(key)s, %(seconds)s)",
        ApiKey,
        person=person,
        key=key,
        seconds=seconds,
    )
