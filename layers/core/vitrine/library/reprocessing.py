"""Having the frames of what is there made anew: of one item or version, or of a collection, a bounded batch
at a time.

What is asked for is written with the message that asks for it, in one transaction, and goes to whoever makes
the frames of uploads. Until the new
ones are in place a version shows those it has; one that has failed waits again, as it did at first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import transaction
from vitrine.errors import Conflict, Invalid
from vitrine.library import media, not_found, outbox
from vitrine.library.sweep import STORED_QUEUE, stored_event
from vitrine.models.pages import Cursor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.media import Media, MediaCheck
    from vitrine.models.people import Caller

FOLDER = "A folder has no frames of its own; reprocess what lies in it"
NOT_FETCHED = "There are no bytes to process: this item is a URL, and its file was not fetched"


@dataclass(frozen=True, slots=True)
class Batch:
    """How many were asked for again, and after which item to go on; None: there are no more."""

    requested: int
    next: Cursor | None


def ask(caller: Caller, item: UUID, *, check: MediaCheck | None = None) -> Media:
    """The item's active version, or the version, is being processed: again, or still for the first time. What
    it is now.

    Asked for twice before it is done, it is done once. `check` judges it as it is before, and may raise.
    Raises NotFound, Invalid for a folder,
    Conflict where its bytes lie at somebody else's URL.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> list[tuple[UUID, str]]:
        locked = db.first(queries.reprocessing.lock(organization, item))
        if locked is None:
            raise not_found("media")
        if locked.version_id is None:
            raise Invalid(FOLDER)
        kept = db.first(queries.reprocessing.kept(organization, locked.version_id))
        if kept is None:
            raise not_found("media")
        if not kept.has_bytes:
            raise Conflict(NOT_FETCHED, code="not_fetched")
        if check is not None:
            check(
                (
                    db.run(queries.media.get_without_counts(organization, item))
                    or db.run(queries.versions.get(organization, item))
                )[0]
            )
        return _ask(db, caller, [locked.version_id])

    for message, key in transaction(caller, work):
        outbox.send_now(caller, message, STORED_QUEUE, stored_event(key))
    return media.get(caller, item)


def ask_for_collection(
    caller: Caller, collection: UUID, *, which: Literal["failed", "all"], limit: int, cursor: Cursor | None
) -> Batch:
    """Of the next so many files of the collection, those that show a failed version or all, the versions they
    show are being processed again.

    Passes over what `ask` refuses, and what waits already. Raises NotFound.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> Batch:
        # a deletion, which locks items in another order, waits or goes first
        db.queue(queries.collections.lock_for_insert(organization, collection))
        if not db.run(queries.collections.get(organization, collection)):
            raise not_found("collection")
        page = db.run(
            queries.reprocessing.lock_page(
                organization, collection, which, cursor.id if cursor else None, limit
            )
        )
        asked = (
            _ask(db, caller, [each.version_id for each in page if each.version_id is not None])
            if page
            else []
        )
        return Batch(len(asked), Cursor("", page[-1].item_id) if len(page) == limit else None)

    return transaction(caller, work)


def _ask(db: Transaction, caller: Caller, wanted: Sequence[UUID]) -> list[tuple[UUID, str]]:
    """The messages that ask for these, written down, and the keys they name. Left to the job that sends
    what waits, where nobody sends them.
    """
    written: list[tuple[UUID, str]] = []
    for each in db.run(queries.reprocessing.ask(caller.organization_id, wanted, caller.user_id)):
        message = mint_id()
        db.queue(
            queries.outbox.put(
                caller.organization_id,
                message,
                STORED_QUEUE,
                stored_event(each.key),
                f"reprocess:{each.id.hex}:{message.hex}",
            )
        )
        written.append((message, each.key))
    return written
