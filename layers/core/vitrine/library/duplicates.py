"""What is there more than once: for who is about to upload, for who has, and for who tidies up."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.db import read, read_all
from vitrine.errors import Invalid, NotFound
from vitrine.models.duplicates import DEFAULT_DISTANCE, MAX_DISTANCE, Duplicate, DuplicateGroup
from vitrine.models.pages import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    from vitrine.db import Transaction
    from vitrine.models.duplicates import ExistingFile, FileToCheck, IdenticalVersion
    from vitrine.models.people import Caller
    from vitrine.queries.likenesses import GroupMember

__all__ = ["DEFAULT_DISTANCE", "MAX_DISTANCE", "find", "groups", "others", "record"]

MOST_SHOWN = 5  # for each that is asked about
MOST_OTHERS = 10  # copies of an upload's bytes
MOST_IN_GROUP = 50  # items of a group that are shown
MOST_RELATED = 50  # of a picture, those of its collection that look most like it

_START = UUID(int=0)


def find_existing(caller: Caller, files: Sequence[FileToCheck]) -> list[list[ExistingFile]]:
    """For each of these, in their order, the organization's newest verified files of the same bytes, or
    of the same name and size; five at most.
    """
    found: list[list[ExistingFile]] = [[] for _ in files]
    for each in read(caller, queries.duplicates.find(caller.organization_id, files, MOST_SHOWN)):
        found[each.place].append(each.existing)
    return found


def list_identical(caller: Caller, version: UUID) -> tuple[IdenticalVersion, ...]:
    """Further versions of this one's bytes, in the organization, in its trash too; ten at most. None
    while nobody knows its bytes.
    """
    return tuple(
        read(caller, queries.likenesses.list_identical(caller.organization_id, version, MOST_OTHERS))
    )


def list_groups(
    caller: Caller,
    collection: UUID,
    *,
    distance: int = DEFAULT_DISTANCE,
    limit: int = 10,
    cursor: Cursor | None = None,
) -> tuple[tuple[DuplicateGroup, ...], bool]:
    """A page of the groups of living, verified files of a collection that are the same, and whether there are
    more. First those of the same bytes,
    then those that look the same: that differ in `distance` bits of 64 at most.

    A group of these is an item that none before it is near to, and those near it that are near to none before
    it; what is before is what began to be
    uploaded before. So an item is in one of them at most; and what is near only to such as are no first ones
    is in none, until those before it are
    gone. Of items with the same bytes only the first looks like others. Raises NotFound, and Invalid for a
    cursor that is none of this listing.
    """
    organization = caller.organization_id
    exact_after, near_after = _after(cursor)
    found, exact, near = read_all(
        caller,
        queries.collections.get(organization, collection),
        queries.likenesses.list_exact(
            organization,
            collection,
            after=exact_after,
            groups=limit + 1 if near_after == _START else 0,
            most=MOST_IN_GROUP,
        ),
        queries.likenesses.list_near(
            organization,
            collection,
            distance=distance,
            after=near_after,
            groups=limit + 1,
            most=MOST_IN_GROUP,
        ),
    )
    if not found:
        raise NotFound("Collection not found")
    page = [*_grouped("exact", exact), *_grouped("near", near)]
    return tuple(page[:limit]), len(page) > limit


def _after(cursor: Cursor | None) -> tuple[bytes, UUID]:
    """The SHA-256 and the version that a page begins after."""
    if cursor is None:
        return b"", _START
    if cursor.key == "near":
        return b"", cursor.id
    try:
        sha256 = bytes.fromhex(cursor.key)
    except ValueError:
        sha256 = b""
    if len(sha256) != 32 or cursor.id != _START:
        raise Invalid("The cursor is not one of this listing")
    return sha256, _START


def _grouped(match: Literal["exact", "near"], members: Iterable[GroupMember]) -> list[DuplicateGroup]:
    """Members come sorted by group."""
    grouped: list[DuplicateGroup] = []
    for group, of_group in groupby(members, lambda member: member.group):
        found = list(of_group)
        cursor = Cursor("near", group) if isinstance(group, UUID) else Cursor(group, _START)
        grouped.append(
            DuplicateGroup(
                match, found[0].count, tuple(Duplicate(each.media, each.distance) for each in found), cursor
            )
        )
    return grouped


def record(db: Transaction, organization: UUID, collection: UUID, version: UUID) -> None:
    """What looks like this version is known; what was known of it is forgotten. To be the last that a
    transaction does: others wait for its end.
    """
    db.queue(queries.likenesses.lock_collection(collection))
    db.queue(queries.likenesses.delete(organization, version))
    db.queue(queries.likenesses.insert(organization, version))
    db.queue(queries.likenesses.insert_nearest(organization, version, MOST_RELATED))
