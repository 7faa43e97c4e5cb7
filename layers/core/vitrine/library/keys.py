"""A person's API keys: made, listed, changed, rotated and revoked by that person alone, whatever organization
they are in.

No key gives what it does not have: whoever makes, changes or rotates a key must reach all that it then
reaches, and a key that is made with another
ends when that one does, or earlier. A signed-in person gives a key any end.
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

LONGEST_LIFE = timedelta(days=3650)  # of a key that ends at all
LONGEST_OVERLAP = 7 * 24 * 3600  # seconds
ENDED = 100  # keys that no longer work: so many are listed
MISSING = "API key not found"


@dataclass(frozen=True, slots=True)
class Minted:
    """A key just made: the only time it is known."""

    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class Rotated:
    """A key just made in the place of another."""

    minted: Minted
    previous: ApiKey


@dataclass(frozen=True, slots=True)
class Change:
    """What a key is to be."""

    name: str | Unchanged = UNCHANGED
    scopes: list[str] | Unchanged = UNCHANGED
    expires_at: datetime | Unchanged | None = UNCHANGED  # None: never


def listed(person: Person) -> list[ApiKey]:
    """All that work, and the newest of the others; each newest first."""
    return read(Nobody(), queries.keys.newest(person.user_id, ENDED))


def create(person: Person, name: str, scopes: Sequence[str], expires_at: datetime | None) -> Minted:
    """There is a new key. Made with another key it ends when that one does, unless an earlier end is asked
    for.

    Raises Invalid, also for an end after that of the key it is made with; MissingScope for what the person's
    own credential does not reach; Conflict
    where there are enough.
    """
    name, kept = clean_name(name, most=MAX_KEY_NAME), clean_scopes(scopes)
    if expires_at is not None:
        expires_at = _clean_end(expires_at)
    _check_reach(person, kept)

    def work(db: Transaction) -> Minted:
        _check_room(db.run(queries.keys.lock(person.user_id))[0].working)
        latest = _latest_end(db, person)
        if expires_at is not None:
            _check_end(expires_at, latest)
        return _mint(db, person, name, kept, expires_at or latest, made_by=person.key_id)

    return transaction(Nobody(), work)


def change(person: Person, key: UUID, to: Change) -> ApiKey:
    """The key as it is then. One that has expired works again when its end is moved.

    Raises Invalid, also when the key would work longer than the key it is changed with; NotFound, also for
    another person's; MissingScope for what
    the key would reach and the person's own credential does not; Conflict when it was revoked or rotated, or
    would work again where there are enough.
    """
    name = to.name if isinstance(to.name, Unchanged) else clean_name(to.name, most=MAX_KEY_NAME)
    scopes = to.scopes if isinstance(to.scopes, Unchanged) else clean_scopes(to.scopes)
    expires_at = _clean_end(to.expires_at) if isinstance(to.expires_at, datetime) else to.expires_at

    def work(db: Transaction) -> ApiKey:
        working = db.run(queries.keys.lock(person.user_id))[0].working
        found = _standing(db, person, key)
        wanted = replace(
            found,
            name=found.name if isinstance(name, Unchanged) else name,
            scopes=found.scopes if isinstance(scopes, Unchanged) else scopes,
            expires_at=found.expires_at if isinstance(expires_at, Unchanged) else expires_at,
        )
        _check_reach(person, wanted.scopes)
        _check_end(wanted.expires_at, _latest_end(db, person))
        if found.state == "expired" and wanted.expires_at != found.expires_at:
            _check_room(working)
        # A key belongs to the last one that prolonged it: a person, or the key in use.
        prolonged = _is_later(wanted.expires_at, found.expires_at)
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
    """The key works no more, nor do the keys that were made with it; nothing changes when it did not.
    Raises NotFound, also for another person's.
    """
    ended = write(Nobody(), queries.keys.end(person.user_id, key, 0))
    if not ended:
        raise NotFound(MISSING)
    return ended[0]


def rotate(person: Person, key: UUID, *, overlap: int) -> Rotated:
    """There is a new key of the same name, scopes and end; the old one works for `overlap` seconds more.
    Rotated with another key, the new one ends
    when that does, if it would not end earlier.

    Raises Invalid for an overlap of more than a week; NotFound, also for another person's; MissingScope for
    what the key reaches and the person's
    own credential does not; Conflict when it was revoked or rotated or has expired, or where both cannot work
    beside the others.
    """
    if not 0 <= overlap <= LONGEST_OVERLAP:
        raise Invalid(f"overlap must be 0 to {LONGEST_OVERLAP} seconds")

    def work(db: Transaction) -> Rotated:
        working = db.run(queries.keys.lock(person.user_id))[0].working
        old = _standing(db, person, key)
        _check_reach(person, old.scopes)
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
    """In order, each once. Raises Invalid for none, and for one that there is not."""
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Invalid(f"scopes must be some of {', '.join(SCOPES)}")
    return sorted(set(scopes))


def _clean_end(at: datetime) -> datetime:
    if not timedelta() < at - datetime.now(UTC) <= LONGEST_LIFE:
        raise Invalid(f"An API key ends in the future, within {LONGEST_LIFE.days} days, or never")
    return at


def _check_reach(person: Person, scopes: Collection[str]) -> None:
    for scope in scopes:
        if not grants(person.scopes, scope):
            raise MissingScope(scope)


def _latest_end(db: Transaction, person: Person) -> datetime | None:
    """When the key ends with which the person asks, for none may outlive it; None: it does not end, or the
    person has signed in.

    Raises Unauthorized when it has ended since the request was admitted.
    """
    if person.key_id is None:
        return None
    own = db.first(queries.keys.one(person.user_id, person.key_id))
    if own is None or own.state != "active":
        raise Unauthorized
    return min((end for end in (own.expires_at, own.revoked_at) if end is not None), default=None)


def _check_end(at: datetime | None, latest: datetime | None) -> None:
    if latest is not None and _is_later(at, latest):
        own = latest.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise Invalid(
            f"A key cannot work longer than the key it is made or changed with, which ends at {own}",
            code="outlives_own_key",
        )


def _is_later(at: datetime | None, than: datetime | None) -> bool:
    """Of two ends. None is never."""
    return than is not None and (at is None or at > than)


def _check_room(working: int) -> None:
    most = settings().max_api_keys
    if working >= most:
        raise Conflict(
            f"You have {working} API keys that work, and may have {most}; revoke one first",
            code="too_many_keys",
        )


def _standing(db: Transaction, person: Person, key: UUID) -> ApiKey:
    """Neither revoked nor rotated."""
    found = db.first(queries.keys.one(person.user_id, key))
    if found is None:
        raise NotFound(MISSING)
    if found.revoked_at is not None:
        raise Conflict(
            "This API key was revoked" if found.state == "inactive" else "This API key was rotated already"
        )
    return found


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
