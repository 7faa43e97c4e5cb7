"""Taking objects out of the store, in the one order that loses nothing: doomed in a transaction, deleted
under its ETag, then the row dropped.
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


def discard(who: Actor, organization: UUID, key: str, *, now: datetime | None = None) -> bool:
    """Of a doomed object, neither object nor row is there; whether that is so (a row stays while a client may
    still write its key).

    Nothing happens to an object that is not doomed. May be called again at any time, by whom ever.
    """
    found = read(who, queries.objects.at(organization, key))
    if not found or found[0].state != "deleting":
        return not found
    for _ in range(3):
        there = storage.head(key)
        if there is None:
            return bool(write(who, queries.objects.drop(organization, key, now or datetime.now(UTC))))
        with suppress(storage.AlreadyThere):  # written again since we looked
            storage.delete(key, there.etag)
    return False


def mark_deleting(who: Actor, organization: UUID, keys: list[str], reason: str) -> None:
    """From here on these objects will be deleted, unless they have come to live meanwhile."""

    def work(db: Transaction) -> None:
        db.queue(queries.objects.mark_deleting(organization, keys, reason))

    transaction(who, work)
