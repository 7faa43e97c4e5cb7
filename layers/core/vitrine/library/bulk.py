"""One action on many items. Each item is checked separately; the permitted changes are made in one
transaction.

An item that the caller's organization does not have is reported as not found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import transaction
from vitrine.errors import ApiError, Conflict, Invalid
from vitrine.library import deletions, folders, media, not_found, tags
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


class _DryRun(Exception):
    """Raised to roll a dry run back; carries its outcomes."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes


def carry_out(caller: Caller, items: Sequence[UUID], action: Action, *, dry_run: bool) -> Outcomes:
    """Carry the action out on each of these items where nothing prevents it. Returns one outcome for each
    item; repetitions are dropped. A dry run changes nothing.

    Raises, and changes nothing, when the action is possible for no item: Invalid for an invalid destination,
    label or value, NotFound for a missing destination, Conflict when one deletion cannot mark so many items.
    """
    work = _plan(caller, list(dict.fromkeys(items)), action)

    def attempt(db: Transaction) -> Outcomes:
        outcomes = work(db)
        if dry_run:  # the changes are made and rolled back, so the outcomes are those of a real run
            raise _DryRun(outcomes)
        return outcomes

    try:
        return transaction(caller, attempt)
    except _DryRun as rolled_back:
        return rolled_back.outcomes


def _plan(caller: Caller, items: list[UUID], action: Action) -> Work:
    """Parse the action's arguments before a transaction is open, and return the function that carries the
    action
    out in one. Raises Invalid.
    """
    match action:
        case Move(destination):
            destination_id = folders.parse(destination, "destinationPath").place_id
            return lambda db: _move(db, caller, items, destination_id)
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
    """Move the items, folders with everything below them, into the folder or collection `to`. Return one
    outcome per item. An item that is there already is not changed. An item is rejected when it cannot be
    moved there.

    All items are checked before any is moved. The destination is never inside a moved item, so no move
    prevents another. Raises NotFound when the destination does not exist, Invalid when it is a file.
    """
    organization = caller.organization_id
    db.queue(queries.bulk.lock_collections(organization, [*items, to]))
    locked = {each.id: each for each in db.run(queries.bulk.lock(organization, items))}
    target = db.first(queries.folders.get_destination(organization, to))
    if target is None:
        raise not_found("folder")
    if target.path is None:
        raise Invalid(media.NOT_A_FOLDER)
    deepest = {each.id: each.depth for each in db.run(queries.bulk.get_depths(_folders(locked.values())))}

    rejected: dict[UUID, ApiError] = {}
    for each in locked.values():
        try:
            under = media.check_destination(each, target)
            if each.path is not None and each.place_id != to:
                media.check_depth(each.path, deepest[each.id], under)
        except Invalid as why:
            rejected[each.id] = why

    moved = [each for each in locked.values() if each.id not in rejected and each.place_id != to]
    if moved:
        ids = [each.id for each in moved]
        db.queue(queries.bulk.count_move(organization, ids, to))
        db.queue(queries.bulk.set_folder(organization, ids, target.path.folder_id, caller.user_id))
        db.queue(queries.bulk.reroot(organization, _folders(moved), target.path))
    changed = {each.id for each in moved}
    return Outcomes(
        tuple(
            _rejected_outcome(item, locked, rejected)
            or Outcome(item, changed=item in changed, path=target.path.below(item))
            for item in items
        )
    )


def _delete(db: Transaction, caller: Caller, items: Sequence[UUID]) -> Outcomes:
    """Move the items to the trash, folders with everything below them. Return one outcome per item, and how
    many files were moved, counting each version.

    The items of each collection make one deletion, which is restored as a whole and independently of the
    other collections. Raises Conflict for more than MAX_DELETED_AT_ONCE items, counting those below folders.
    """
    organization = caller.organization_id
    db.queue(queries.bulk.lock_collections(organization, items))
    locked = {each.id: each for each in db.run(queries.bulk.lock_to_delete(organization, items))}
    limit = deletions.MAX_DELETED_AT_ONCE
    below = queries.trash.lock_below(organization, _folders(locked.values()), limit, but=list(locked))
    if len(locked) + db.run(below)[0].n > limit:
        raise Conflict(
            f"More than {limit:,} items cannot be deleted at once; delete fewer, and the folders one by one"
        )

    deletion_of: dict[UUID, UUID] = {}
    count = 0
    for collection in dict.fromkeys(each.collection_id for each in locked.values()):
        here = [each for each in locked.values() if each.collection_id == collection]
        deletion = mint_id()
        deletions.create(db, caller, deletion, "selection", here[0].id)
        db.queue(queries.trash.mark_below(organization, deletion, _folders(here), caller.user_id))
        roots = db.run(queries.bulk.mark(organization, deletion, [each.id for each in here], caller.user_id))
        if len(roots) == 1:
            db.queue(queries.bulk.set_root(organization, deletion, roots[0]))
        else:
            db.queue(queries.bulk.insert_roots(organization, deletion, [root.id for root in roots]))
        count += deletions.move_to_trash(db, organization, deletion)
        deletion_of.update((each.id, deletion) for each in here)
    return Outcomes(
        tuple(
            _rejected_outcome(item, locked) or Outcome(item, deletion_id=deletion_of[item]) for item in items
        ),
        count,
    )


def _restore(db: Transaction, caller: Caller, items: Sequence[UUID]) -> Outcomes:
    """Restore the deletions that removed these items, each as a whole. Return one outcome per item and how
    many files came back.

    An item is rejected when it is not deleted, was purged, or its collection is deleted. Several deletions
    are restored together, so one may lie in a folder that another one restores.
    """
    organization = caller.organization_id
    db.queue(queries.bulk.lock_collections(organization, items))
    locked = {each.id: each for each in db.run(queries.bulk.lock_deletions(organization, items))}
    # `get_deletions` returns existing items first, and the last row of an id stays in the dict: an item that
    # still exists wins over a purged deletion of the same id.
    deletion_of = {
        each.id: each.deletion_id
        for each in reversed(db.run(queries.bulk.get_deletions(organization, items)))
    }

    rejected: dict[UUID, ApiError] = {}
    for item, deletion in deletion_of.items():
        try:
            deletions.require_restorable(None if deletion is None else locked.get(deletion), "item")
        except ApiError as why:
            rejected[item] = why
    to_restore = {
        deletion for item, deletion in deletion_of.items() if deletion is not None and item not in rejected
    }
    in_deleted_collection: set[UUID] = (
        deletions.relocate_roots(db, organization, sorted(to_restore)) if to_restore else set()
    )
    to_restore -= in_deleted_collection
    rejected |= {
        item: Conflict(deletions.COLLECTION_DELETED)
        for item, deletion in deletion_of.items()
        if deletion in in_deleted_collection
    }
    deletions.restore(db, caller, [locked[deletion] for deletion in to_restore])
    return Outcomes(
        tuple(
            _rejected_outcome(item, deletion_of, rejected) or Outcome(item, deletion_id=deletion_of[item])
            for item in items
        ),
        sum(locked[deletion].item_count for deletion in to_restore),
    )


def _tag(db: Transaction, caller: Caller, items: Sequence[UUID], wanted: Label) -> Outcomes:
    """Attach the tag to the items, and insert the tag when it does not exist. Return one outcome per item.

    An item is rejected when it has the tag already or has MAX_TAGS tags. When the tag is hidden, all other
    items are rejected too.
    """
    organization = caller.organization_id
    locked = _lock_to_tag(db, organization, items)
    tagged = {each.id: each for each in db.run(queries.bulk.count_tags(organization, items, wanted))}
    rejected: dict[UUID, ApiError] = {
        each.id: tags.already_tagged() for each in tagged.values() if each.has_tag
    }
    others = locked.keys() - rejected.keys()
    try:
        tags.check_not_hidden(db, organization, [wanted])
        rejected |= {
            item: tags.too_many_tags()
            for item in others
            if item in tagged and tagged[item].tags >= tags.MAX_TAGS
        }
    except Conflict as why:
        rejected |= dict.fromkeys(others, why)

    accepted = sorted(locked.keys() - rejected.keys())
    if accepted:
        tags.create_missing(db, organization, [wanted], caller.user_id)
        db.queue(queries.bulk.attach_tag(organization, accepted, wanted, caller.user_id))
        db.queue(queries.bulk.touch(organization, accepted, caller.user_id))
    return Outcomes(tuple(_rejected_outcome(item, locked, rejected) or Outcome(item) for item in items))


def _untag(db: Transaction, caller: Caller, items: Sequence[UUID], group: str, name: str | None) -> Outcomes:
    """Detach the tag from the items; with `name` None, all tags of the group. Return one outcome per item; an
    item without such a tag is not changed.
    """
    organization = caller.organization_id
    locked = _lock_to_tag(db, organization, items)
    changed = {
        each.id for each in db.run(queries.bulk.detach_tags(organization, sorted(locked), group, name))
    }
    if changed:
        db.queue(queries.bulk.touch(organization, sorted(changed), caller.user_id))
    return Outcomes(
        tuple(_rejected_outcome(item, locked) or Outcome(item, changed=item in changed) for item in items)
    )


def _lock_to_tag(db: Transaction, organization: UUID, items: Sequence[UUID]) -> dict[UUID, PlacedItem]:
    # The collections are locked first: a deletion that locks the same items in another order then waits here,
    # and cannot deadlock.
    db.queue(queries.bulk.lock_collections_shared(organization, items))
    return {each.id: each for each in db.run(queries.bulk.lock(organization, items))}


def _rejected_outcome(
    item: UUID, existing: Mapping[UUID, object], rejected: Mapping[UUID, ApiError] | None = None
) -> Outcome | None:
    """Return the outcome of an item that is not among the existing ones, or was rejected with an error; None
    for any other item.
    """
    why = (rejected or {}).get(item) if item in existing else not_found("media")
    return None if why is None else Outcome(item, why, changed=False)


def _folders(items: Iterable[PlacedItem]) -> list[UUID]:
    return [each.id for each in items if each.type == "folder"]
