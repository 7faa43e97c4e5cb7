"""What is done to many items at once. Each is judged on its own; what can be done is done in one transaction,
and all of it or nothing.

An item that the caller's organization does not have is refused as one that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import transaction
from vitrine.errors import ApiError, Conflict, Invalid, NotFound
from vitrine.library import deletions as deletions
from vitrine.library import folders, media, tags
from vitrine.models.bulk import AddTag, Delete, Move, Outcome, Outcomes, RemoveTag, Restore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.bulk import Action
    from vitrine.models.people import Caller
    from vitrine.queries.media import PlacedItem
    from vitrine.queries.tags import Label

MAX_ITEMS = 1000  # of one request

Work = Callable[["Transaction"], Outcomes]


class _Undone(Exception):
    """What was done is to be undone; it would have come to this."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes


def carry_out(caller: Caller, items: Sequence[UUID], action: Action, *, dry_run: bool) -> Outcomes:
    """The action is done to each of these items that nothing forbids it of; each is told of once. On a dry
    run nothing has changed.

    Raises, and does nothing, where what is asked for cannot be done to any item: Invalid for a destination,
    label or value that cannot be one,
    NotFound for a destination that is not there, Conflict where more would be deleted than can go at once.
    """
    work = _work(caller, list(dict.fromkeys(items)), action)

    def attempt(db: Transaction) -> Outcomes:
        outcomes = work(db)
        if dry_run:  # done and undone: so it can say nothing that would not be so
            raise _Undone(outcomes)
        return outcomes

    try:
        return transaction(caller, attempt)
    except _Undone as undone:
        return undone.outcomes


def _work(caller: Caller, items: list[UUID], action: Action) -> Work:
    match action:
        case Move(destination):
            to = folders.parse(destination, "destinationPath").place_id
            return lambda db: _move(db, caller, items, to)
        case Delete():
            return lambda db: _delete(db, caller, items)
        case Restore():
            return lambda db: _restore(db, caller, items)
        case AddTag(label, value):
            wanted = tags.parse_label(label, value)
            return lambda db: _tag(db, caller, items, wanted)
        case RemoveTag(label, value):
            group, name = tags.parse_search(label, value)
            return lambda db: _untag(db, caller, items, group, name)


def _move(db: Transaction, caller: Caller, items: Sequence[UUID], to: UUID) -> Outcomes:
    """Judged by how things lie before: what is to be moved never holds the destination, so no move makes
    another one impossible.
    """
    organization = caller.organization_id
    db.queue(queries.bulk.lock_collections(organization, [*items, to]))
    locked = {each.id: each for each in db.run(queries.bulk.lock(organization, items))}
    target = db.first(queries.folders.get_destination(organization, to))
    if target is None:
        raise NotFound(media.NO_FOLDER)
    if target.path is None:
        raise Invalid(media.NOT_A_FOLDER)
    deepest = {each.id: each.depth for each in db.run(queries.bulk.get_depths(_folders(locked.values())))}

    rejected: dict[UUID, ApiError] = {}
    for each in locked.values():
        try:
            _, under = media.check_destination(each, target)
            if each.path is not None and each.place_id != to:
                media.check_depth(each.path, deepest[each.id], under)
        except Invalid as why:
            rejected[each.id] = why

    moved = [each for each in locked.values() if each.id not in rejected and each.place_id != to]
    if moved:
        ids = [each.id for each in moved]
        db.queue(queries.bulk.count_move(organization, ids, to))
        db.queue(queries.bulk.set_folder(organization, ids, target.item_id, caller.user_id))
        db.queue(queries.bulk.reroot(organization, _folders(moved), target.path))
    changed = {each.id for each in moved}
    return Outcomes(
        tuple(
            _rejected(item, locked, rejected)
            or Outcome(item, changed=item in changed, path=f"{target.path}.{item.hex}")
            for item in items
        )
    )


def _delete(db: Transaction, caller: Caller, items: Sequence[UUID]) -> Outcomes:
    """One act for each collection: what it took is restored together, and waits for nothing in another
    collection.
    """
    organization = caller.organization_id
    db.queue(queries.bulk.lock_collections(organization, items))
    locked = {each.id: each for each in db.run(queries.bulk.lock_to_delete(organization, items))}
    most = deletions.MAX_DELETED_AT_ONCE
    if (
        len(locked)
        + db.run(queries.trash.lock_below(organization, _folders(locked.values()), most, but=list(locked)))[
            0
        ].n
        > most
    ):
        raise Conflict(
            f"More than {most:,} items cannot be deleted at once; delete fewer, and the folders one by one"
        )

    deletion_of: dict[UUID, UUID] = {}
    count = 0
    for collection in dict.fromkeys(each.collection_id for each in locked.values()):
        here = [each for each in locked.values() if each.collection_id == collection]
        deletion = mint_id()
        deletions.begin(db, caller, deletion, "selection", here[0].id)
        db.queue(queries.trash.mark_below(organization, deletion, _folders(here), caller.user_id))
        roots = db.run(queries.bulk.mark(organization, deletion, [each.id for each in here], caller.user_id))
        if len(roots) == 1:
            db.queue(queries.bulk.set_root(organization, deletion, roots[0]))
        else:
            db.queue(queries.bulk.insert_roots(organization, deletion, [root.id for root in roots]))
        count += deletions.take(db, organization, deletion)
        deletion_of.update((each.id, deletion) for each in here)
    return Outcomes(
        tuple(_rejected(item, locked) or Outcome(item, deletion_id=deletion_of[item]) for item in items),
        count,
    )


def _restore(db: Transaction, caller: Caller, items: Sequence[UUID]) -> Outcomes:
    """Acts that are reversed together find each other's folders alive, in whatever order they were done."""
    organization = caller.organization_id
    db.queue(queries.bulk.lock_collections(organization, items))
    locked = {each.id: each for each in db.run(queries.bulk.lock_deletions(organization, items))}
    deletion_of = {
        each.id: each.deletion_id
        for each in reversed(db.run(queries.bulk.get_deletions(organization, items)))
    }

    rejected: dict[UUID, ApiError] = {}
    for item, deletion in deletion_of.items():
        try:
            deletions.reversible(None if deletion is None else locked.get(deletion), "item")
        except ApiError as why:
            rejected[item] = why
    going = {
        deletion for item, deletion in deletion_of.items() if deletion is not None and item not in rejected
    }
    homeless: set[UUID] = deletions.make_room(db, organization, sorted(going)) if going else set()
    rejected |= {
        item: Conflict(deletions.COLLECTION_DELETED)
        for item, deletion in deletion_of.items()
        if deletion in homeless
    }
    deletions.give_back(db, caller, [locked[deletion] for deletion in going - homeless])
    return Outcomes(
        tuple(
            _rejected(item, deletion_of, rejected) or Outcome(item, deletion_id=deletion_of[item])
            for item in items
        ),
        sum(locked[deletion].item_count for deletion in going - homeless),
    )


def _tag(db: Transaction, caller: Caller, items: Sequence[UUID], wanted: Label) -> Outcomes:
    organization = caller.organization_id
    locked = _lock_to_tag(db, organization, items)
    there = {each.id: each for each in db.run(queries.bulk.count_tags(organization, items, wanted))}
    rejected: dict[UUID, ApiError] = {
        each.id: tags.already_tagged() for each in there.values() if each.has_it
    }
    others = locked.keys() - rejected.keys()
    try:
        tags.check_not_hidden(db, organization, [wanted])
        rejected |= {
            item: tags.too_many_tags()
            for item in others
            if item in there and there[item].tags >= tags.MAX_TAGS
        }
    except Conflict as why:
        rejected |= dict.fromkeys(others, why)

    given = sorted(locked.keys() - rejected.keys())
    if given:
        tags.create_missing(db, organization, [wanted], caller.user_id)
        db.queue(queries.bulk.attach_tag(organization, given, wanted, caller.user_id))
        db.queue(queries.bulk.touch(organization, given, caller.user_id))
    return Outcomes(tuple(_rejected(item, locked, rejected) or Outcome(item) for item in items))


def _untag(db: Transaction, caller: Caller, items: Sequence[UUID], group: str, name: str | None) -> Outcomes:
    organization = caller.organization_id
    locked = _lock_to_tag(db, organization, items)
    changed = {
        each.id for each in db.run(queries.bulk.detach_tags(organization, sorted(locked), group, name))
    }
    if changed:
        db.queue(queries.bulk.touch(organization, sorted(changed), caller.user_id))
    return Outcomes(
        tuple(_rejected(item, locked) or Outcome(item, changed=item in changed) for item in items)
    )


def _lock_to_tag(db: Transaction, organization: UUID, items: Sequence[UUID]) -> dict[UUID, PlacedItem]:
    # The collections first: a deletion that locks the same items in another order then waits for all of them,
    # or they for it.
    db.queue(queries.bulk.lock_collections_shared(organization, items))
    return {each.id: each for each in db.run(queries.bulk.lock(organization, items))}


def _rejected(
    item: UUID, there: Mapping[UUID, object], rejected: Mapping[UUID, ApiError] | None = None
) -> Outcome | None:
    why = (rejected or {}).get(item) if item in there else NotFound(media.NO_MEDIA)
    return None if why is None else Outcome(item, why, changed=False)


def _folders(items: Iterable[PlacedItem]) -> list[UUID]:
    return [each.id for each in items if each.type == "folder"]
