"""A person's API keys: created, listed, changed, rotated and revoked by that person alone, in any
organization.

A credential cannot grant more than it has. The credential that creates, changes or rotates a key needs all
the scopes that the key then has. A key that was created with another key ends when that one does, or earlier.
A signed-in person may set any end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.credentials import KEY_PREFIX_LENGTH, fingerprint, mint_api_key, mint_id
from vitrine.db import read, transaction, write
from vitrine.errors import Conflict, Invalid, MissingScope, NotFound, Unauthorized
from vitrine.library import clean_name
from vitrine.models.pages import UNCHANGED, Unchanged
from vitrine.models.people import MAX_KEY_NAME, ApiKey, Nobody
from vitrine.permissions import SCOPES, grants
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.people import Person

LONGEST_LIFE = timedelta(days=3650)  # of a key that has an end
LONGEST_OVERLAP = 7 * 24 * 3600  # seconds
MAX_ENDED_LISTED = 100  # keys that no longer work
MISSING = "API key not found"


@dataclass(frozen=True, slots=True)
class Minted:
    """A new key. Its secret is known only here."""

    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class Rotated:
    """A new key and the one that it replaces."""

    minted: Minted
    previous: ApiKey


@dataclass(frozen=True, slots=True)
class KeyUpdate:
    """The changes to a key; UNCHANGED leaves a value as it is."""

    name: str | Unchanged = UNCHANGED
    scopes: list[str] | Unchanged = UNCHANGED
    expires_at: datetime | Unchanged | None = UNCHANGED  # None: never


def list_keys(person: Person) -> list[ApiKey]:
    """All keys that work, then the newest MAX_ENDED_LISTED of the others; each group newest first."""
    return read(Nobody(), queries.keys.newest(person.user_id, MAX_ENDED_LISTED))


def create(person: Person, name: str, scopes: Sequence[str], expires_at: datetime | None) -> Minted:
    """Create a key. When it is created with another key, it ends when that one does, unless it ends earlier.

    Raises Invalid, also for an end after that of the key in use; MissingScope for a scope that the person's
    credential does not have; Conflict when the person has `max_api_keys`.
    """
    name, granted = clean_name(name, most=MAX_KEY_NAME), clean_scopes(scopes)
    if expires_at is not None:
        expires_at = _clean_end(expires_at)
    _check_scopes(person, granted)

    def work(db: Transaction) -> Minted:
        _check_room(db.run(queries.keys.lock(person.user_id))[0].working)
        latest = _latest_end(db, person)
        if expires_at is not None:
            _check_end(expires_at, latest)
        return _mint(db, person, name, granted, expires_at or latest, made_by=person.key_id)

    return transaction(Nobody(), work)


def change(person: Person, key: UUID, to: KeyUpdate) -> ApiKey:
    """Change the key and return it. An expired key works again when its end is moved.

    Raises Invalid, also when the key would outlive the key in use; NotFound, also for another person's key;
    MissingScope for a scope of the key that the person's credential does not have; Conflict when the key was
    revoked or rotated, or would work again when the person has `max_api_keys`.
    """
    name = to.name if isinstance(to.name, Unchanged) else clean_name(to.name, most=MAX_KEY_NAME)
    scopes = to.scopes if isinstance(to.scopes, Unchanged) else clean_scopes(to.scopes)
    expires_at = _clean_end(to.expires_at) if isinstance(to.expires_at, datetime) else to.expires_at

    def work(db: Transaction) -> ApiKey:
        working = db.run(queries.keys.lock(person.user_id))[0].working
        present = _unrevoked(db, person, key)
        wanted = replace(
            present,
            name=present.name if isinstance(name, Unchanged) else name,
            scopes=present.scopes if isinstance(scopes, Unchanged) else scopes,
            expires_at=present.expires_at if isinstance(expires_at, Unchanged) else expires_at,
        )
        _check_scopes(person, wanted.scopes)
        _check_end(wanted.expires_at, _latest_end(db, person))
        if present.state == "expired" and wanted.expires_at != present.expires_at:
            _check_room(working)
        # a key ends with the key that prolonged it last; with none, when that was a session
        prolonged = _is_later(wanted.expires_at, present.expires_at)
        changed = queries.keys.change(
            person.user_id,
            key,
            wanted.name,
            wanted.scopes,
            wanted.expires_at,
            prolonged=prolonged,
            made_by=person.key_id,
        )
        return db.run(changed)[0]

    return transaction(Nobody(), work)


def revoke(person: Person, key: UUID) -> ApiKey:
    """Revoke the key and the keys that were created with it. Idempotent.

    Raises NotFound, also for another person's key.
    """
    ended = write(Nobody(), queries.keys.end(person.user_id, key, 0))
    if not ended:
        raise NotFound(MISSING)
    return ended[0]


def rotate(person: Person, key: UUID, *, overlap: int) -> Rotated:
    """Replace the key by a new one of the same name, scopes and end; the old one works `overlap` seconds
    more.

    When the key is rotated with another key, the new one ends no later than that. Raises Invalid for an
    overlap of more than a week; NotFound, also for another person's key; MissingScope for a scope of the key
    that the person's credential does not have; Conflict when the key was revoked, rotated or has expired, or
    when both together would be more than `max_api_keys`.
    """
    if not 0 <= overlap <= LONGEST_OVERLAP:
        raise Invalid(f"overlap must be 0 to {LONGEST_OVERLAP} seconds")

    def work(db: Transaction) -> Rotated:
        working = db.run(queries.keys.lock(person.user_id))[0].working
        old = _unrevoked(db, person, key)
        _check_scopes(person, old.scopes)
        if old.state == "expired":
            raise Conflict("This API key has expired")
        if overlap:
            _check_room(working)
        itself = person.key_id == key
        latest = old.expires_at if itself else _latest_end(db, person)
        minted = _mint(
            db,
            person,
            old.name,
            old.scopes,
            latest if _is_later(old.expires_at, latest) else old.expires_at,
            rotated_from=key,
            made_by=None if itself else person.key_id,
        )
        return Rotated(minted, db.run(queries.keys.end(person.user_id, key, overlap))[0])

    return transaction(Nobody(), work)


def clean_scopes(scopes: Collection[str]) -> list[str]:
    """The scopes sorted, without duplicates. Raises Invalid for none, or for an unknown one."""
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Invalid(f"scopes must be some of {', '.join(SCOPES)}")
    return sorted(set(scopes))


def _clean_end(at: datetime) -> datetime:
    if not timedelta() < at - datetime.now(UTC) <= LONGEST_LIFE:
        raise Invalid(f"An API key ends in the future, within {LONGEST_LIFE.days} days, or never")
    return at


def _check_scopes(person: Person, scopes: Collection[str]) -> None:
    for scope in scopes:
        if not grants(person.scopes, scope):
            raise MissingScope(scope)


def _latest_end(db: Transaction, person: Person) -> datetime | None:
    """The latest end of a key that this credential may grant: that of the key in use.

    None: the key in use has no end, or the person authenticated by a session. Raises Unauthorized when the
    key in use has ended since the request was admitted.
    """
    if person.key_id is None:
        return None
    used = db.first(queries.keys.one(person.user_id, person.key_id))
    if used is None or used.state != "active":
        raise Unauthorized
    return min((end for end in (used.expires_at, used.revoked_at) if end is not None), default=None)


def _check_end(at: datetime | None, latest: datetime | None) -> None:
    if latest is not None and _is_later(at, latest):
        end = latest.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise Invalid(
            f"A key cannot work longer than the key it is made or changed with, which ends at {end}",
            code="outlives_own_key",
        )


def _is_later(at: datetime | None, than: datetime | None) -> bool:
    """Whether the end `at` is later than the end `than`; None is never."""
    return than is not None and (at is None or at > than)


def _check_room(working: int) -> None:
    most = settings().max_api_keys
    if working >= most:
        raise Conflict(
            f"You have {working} API keys that work, and may have {most}; revoke one first",
            code="too_many_keys",
        )


def _unrevoked(db: Transaction, person: Person, key: UUID) -> ApiKey:
    """The key. Raises NotFound, and Conflict when it was revoked or rotated."""
    present = db.first(queries.keys.one(person.user_id, key))
    if present is None:
        raise NotFound(MISSING)
    if present.revoked_at is not None:
        raise Conflict(
            "This API key was revoked" if present.state == "inactive" else "This API key was rotated already"
        )
    return present


def _mint(
    db: Transaction,
    person: Person,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    *,
    rotated_from: UUID | None = None,
    made_by: UUID | None = None,
) -> Minted:
    secret = mint_api_key()
    put = queries.keys.put(
        person.user_id,
        mint_id(),
        name,
        secret[:KEY_PREFIX_LENGTH],
        fingerprint(secret),
        scopes,
        expires_at,
        rotated_from=rotated_from,
        made_by=made_by,
    )
    return Minted(db.run(put)[0], secret)
