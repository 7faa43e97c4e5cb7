"""API keys, reached through security definer functions because no runtime role is granted the table.

Every statement names a person and reaches only that person's keys.
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
class KeyCount:
    working: int  # keys of the person that are neither expired nor revoked


def lock(person: UUID) -> Statement[KeyCount]:
    """Lock the person's keys against other transactions that lock them, and count the ones that work."""
    return Statement("select lock_api_keys(%(person)s) as working", KeyCount, person=person)


def newest(person: UUID, most_ended: int) -> Statement[ApiKey]:
    """All keys that work, then at most `most_ended` of the others; each group newest first."""
    return Statement(
        "select " + _COLUMNS + " from api_keys_of(%(person)s, %(most_ended)s)",
        ApiKey,
        person=person,
        most_ended=most_ended,
    )


def one(person: UUID, key: UUID) -> Statement[ApiKey]:
    """One key of the person. No row when it does not exist or belongs to another person."""
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
    """Insert a key; only its hash is stored. The key ends no later than the key `made_by`.

    Without `made_by` a rotated key inherits the maker of the key that it replaces, where that has one.
    """
    return Statement(
        "select "
        + _COLUMNS
        + """
          from put_api_key(%(person)s, %(key)s, %(name)s, %(prefix)s, %(key_hash)s, %(scopes)s,
                           %(expires_at)s, %(rotated_from)s, %(made_by)s)
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
    """Update the key's name, scopes and end.

    A `prolonged` key ends from now on with the key `made_by`; None: independently of any other key.
    """
    return Statement(
        "select "
        + _COLUMNS
        + """
          from change_api_key(%(person)s, %(key)s, %(name)s, %(scopes)s, %(expires_at)s, %(prolonged)s,
                              %(made_by)s)
        """,
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
    """End the key, and the keys made with it, in at most `seconds`; no end is moved to a later time.

    No row when the key does not exist or belongs to another person.
    """
    return Statement(
        "select " + _COLUMNS + " from end_api_key(%(person)s, %(key)s, %(seconds)s)",
        ApiKey,
        person=person,
        key=key,
        seconds=seconds,
    )
