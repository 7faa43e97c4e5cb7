"""Deleting objects from the store, in the one order that loses nothing: mark the object `deleting` in a
transaction, delete it under its ETag, then delete its row from the object registry.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vitrine import queries, storage
from vitrine.db import Transaction, read, transaction, write
from vitrine.models.people import Actor

if TYPE_CHECKING:
    from uuid import UUID


def discard(actor: Actor, organization: UUID, key: str, *, now: datetime | None = None) -> bool:
    """Delete an object that is marked for deletion, then its row. Return whether both are gone.

    The row stays, and the result is False, while a client may still write the key. An object that is not
    marked is left alone. Idempotent.
    """
    entries = read(actor, queries.objects.get(organization, key))
    if not entries or entries[0].state != "deleting":
        return not entries
    for _ in range(3):
        stored = storage.head(key)
        if stored is None:
            return bool(write(actor, queries.objects.drop(organization, key, now or datetime.now(UTC))))
        with suppress(storage.ConditionFailed):  # the key was written again after `head`
            storage.delete(key, stored.etag)
    return False


def mark_deleting(actor: Actor, organization: UUID, keys: list[str], reason: str) -> None:
    """Mark those of the objects for deletion that never became live. From here on they will be deleted."""

    def work(db: Transaction) -> None:
        db.queue(queries.objects.mark_deleting(organization, keys, reason))

    transaction(actor, work)
