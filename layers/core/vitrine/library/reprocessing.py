"""Processing versions again: one item or version, or the files of a collection, a bounded batch at a time.

A request is written in one transaction with the queue message for the worker that processes uploads. A ready
version shows its old frames until the new ones are recorded; a failed
one is pending again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import transaction
from vitrine.errors import Conflict, Invalid
from vitrine.library import media, not_found, outbox
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
class RequestedBatch:
    """How many versions were requested, and after which item to continue. None: there are no more."""

    requested: int
    next: Cursor | None


def request(caller: Caller, item: UUID, *, check: MediaCheck | None = None) -> Media:
    """Request that the version which the item shows, or the version with this id, is processed again. Return
    the item as it then is.

    Requests that come before the first is carried out change nothing. `check` is called with the item as it
    was before, and may raise. Raises NotFound, Invalid for a folder, Conflict for an external URL that was
    not fetched.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> list[tuple[UUID, str]]:
        locked = db.first(queries.reprocessing.lock(organization, item))
        if locked is None:
            raise not_found("media")
        if locked.version_id is None:
            raise Invalid(FOLDER)
        original = db.first(queries.reprocessing.original(organization, locked.version_id))
        if original is None:
            raise not_found("media")
        if not original.has_bytes:
            raise Conflict(NOT_FETCHED, code="not_fetched")
        if check is not None:
            check(
                (
                    db.run(queries.media.get_without_counts(organization, item))
                    or db.run(queries.versions.get(organization, item))
                )[0]
            )
        return _request(db, caller, [locked.version_id])

    for message, key in transaction(caller, work):
        outbox.send_now(caller, message, outbox.STORED_QUEUE, outbox.stored_event(key))
    return media.get(caller, item)


def request_collection(
    caller: Caller, collection: UUID, *, which: Literal["failed", "all"], limit: int, cursor: Cursor | None
) -> RequestedBatch:
    """Request that the shown versions of the collection's next `limit` files are processed again: all, or
    those that have failed.

    Files that cannot be processed, and those that wait already, are passed over. Raises NotFound.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> RequestedBatch:
        # A deletion locks items in another order, so it must not run at the same time.
        db.queue(queries.collections.lock_for_insert(organization, collection))
        if not db.run(queries.collections.get(organization, collection)):
            raise not_found("collection")
        page = db.run(
            queries.reprocessing.lock_page(
                organization, collection, which, cursor.id if cursor else None, limit
            )
        )
        wanted = [each.version_id for each in page if each.version_id is not None]
        requested = _request(db, caller, wanted) if page else []
        following = Cursor("", page[-1].item_id) if len(page) == limit else None
        return RequestedBatch(len(requested), following)

    return transaction(caller, work)


def _request(db: Transaction, caller: Caller, wanted: Sequence[UUID]) -> list[tuple[UUID, str]]:
    """Request that these versions are processed again. A version that waits already gets no second message.
    Return the id of each new message, and the key of the object that it names.

    `request` sends its message right after the commit; the others are left to the job that sends the outbox.
    """
    messages: list[tuple[UUID, str]] = []
    for each in db.run(queries.reprocessing.request(caller.organization_id, wanted, caller.user_id)):
        message = mint_id()
        db.queue(
            queries.outbox.insert(
                caller.organization_id,
                message,
                outbox.STORED_QUEUE,
                outbox.stored_event(each.key),
                f"reprocess:{each.id.hex}:{message.hex}",
            )
        )
        messages.append((message, each.key))
    return messages
