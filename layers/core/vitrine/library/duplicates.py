"""Duplicates: files that match an upload to come, copies of an upload's bytes, and the duplicates in a
collection.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.db import read, read_all
from vitrine.errors import Invalid
from vitrine.library import not_found
from vitrine.models.duplicates import DEFAULT_DISTANCE, Duplicate, DuplicateGroup
from vitrine.models.pages import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    from vitrine.db import Transaction
    from vitrine.models.duplicates import ExistingFile, FileToCheck, IdenticalVersion
    from vitrine.models.people import Caller
    from vitrine.queries.likenesses import GroupMember

MAX_MATCHES = 5  # existing files that are returned for each file to be checked
MAX_IDENTICAL = 10  # copies of an upload's bytes that are returned
MAX_IN_GROUP = 50  # items of a group that are returned
MAX_RECORDED = 50  # nearest pictures in its collection that are recorded for a picture

_START = UUID(int=0)


def find_existing(caller: Caller, files: Sequence[FileToCheck]) -> list[list[ExistingFile]]:
    """For each of these files, in their order: the organization's newest verified files of the same bytes, or
    of the same name and size; MAX_MATCHES at most.
    """
    found: list[list[ExistingFile]] = [[] for _ in files]
    for each in read(caller, queries.duplicates.find(caller.organization_id, files, MAX_MATCHES)):
        found[each.place].append(each.existing)
    return found


def list_identical(caller: Caller, version: UUID) -> tuple[IdenticalVersion, ...]:
    """Other versions in the organization, its trash included, with the bytes of this one; MAX_IDENTICAL at
    most. Empty while the version's SHA-256 is unknown.
    """
    return tuple(
        read(caller, queries.likenesses.list_identical(caller.organization_id, version, MAX_IDENTICAL))
    )


def list_groups(
    caller: Caller,
    collection: UUID,
    *,
    distance: int = DEFAULT_DISTANCE,
    limit: int = 10,
    cursor: Cursor | None = None,
) -> tuple[tuple[DuplicateGroup, ...], bool]:
    """A page of the groups of duplicates among a collection's verified files that are not deleted, and
    whether more follow. Groups of equal bytes come first, then groups of similar pictures, whose perceptual
    hashes differ in at most `distance` of 64 bits.

    The first item of a group of similar pictures is similar to no item that was uploaded before it. The other
    items of the group are similar to the first one, and to no item that was uploaded before the first one. So
    an item is in one group at most. An item that is similar only to items which are not first in a group is
    in no group, until the items before it are deleted. Of items with equal bytes, only the first is compared
    with others.

    Raises NotFound; Invalid for a cursor that is not of this listing.
    """
    organization = caller.organization_id
    exact_after, near_after = _after(cursor)
    collections, exact, near = read_all(
        caller,
        queries.collections.get(organization, collection),
        queries.likenesses.list_exact(
            organization,
            collection,
            after=exact_after,
            groups=limit + 1 if near_after == _START else 0,
            group_size=MAX_IN_GROUP,
        ),
        queries.likenesses.list_near(
            organization,
            collection,
            distance=distance,
            after=near_after,
            groups=limit + 1,
            group_size=MAX_IN_GROUP,
        ),
    )
    if not collections:
        raise not_found("collection")
    page = [*_grouped("exact", exact), *_grouped("near", near)]
    return tuple(page[:limit]), len(page) > limit


def _after(cursor: Cursor | None) -> tuple[bytes, UUID]:
    """The SHA-256 and the version after which a page begins."""
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
    """The groups of these members, which are sorted by group."""
    grouped: list[DuplicateGroup] = []
    for group, of_group in groupby(members, lambda member: member.group):
        items = list(of_group)
        cursor = Cursor("near", group) if isinstance(group, UUID) else Cursor(group, _START)
        grouped.append(
            DuplicateGroup(
                match, items[0].count, tuple(Duplicate(each.media, each.distance) for each in items), cursor
            )
        )
    return grouped


def record(db: Transaction, organization: UUID, collection: UUID, version: UUID) -> None:
    """Record the pictures that are similar to this version, in place of those recorded before. Do this last
    in a transaction, because other transactions wait for the lock that it takes.
    """
    db.queue(queries.likenesses.lock_collection(collection))
    db.queue(queries.likenesses.delete(organization, version))
    db.queue(queries.likenesses.insert(organization, version))
    db.queue(queries.likenesses.insert_nearest(organization, version, MAX_RECORDED))
