"""Tags: values in groups. Both APIs share one store: Studio shows all groups, v1 the group `tags`.

Neither API shows a hidden tag, and the functions of this module do not detach it: when it is made visible
again, the same items have it. A tag that no item has any more is kept.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import read_all, transaction
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.library import clean_name, not_found
from vitrine.queries.tags import Label, TagToInsert
from vitrine.texts import compose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.media import Media, MediaCheck
    from vitrine.models.people import Caller
    from vitrine.models.tags import Tag

SLUGGED = "tags"  # the group that v1 shows, the only one with slugs
MAX_LABEL = 100  # code points of a group or value
MAX_TAGS = 500  # of an item, in all groups together
# Of a collection: even when each is MAX_LABEL long and escaped in JSON, they fit into a Lambda response
# of 6 MB.
MAX_LISTED = 5000
_MAX_SLUG = 100  # the table's check


def add(caller: Caller, item: UUID, label: str, value: str, *, check: MediaCheck | None = None) -> Media:
    """Attach to the item, file or folder, this value of the group `label`. Returns the item.

    `check` gets the item as it is before, and may raise. Raises Invalid for an invalid label or value,
    NotFound when the item does not exist, Conflict when the item has the value already, has the most tags
    that an item can have, or the tag is hidden.
    """
    organization = caller.organization_id
    wanted = parse_label(label, value)

    def work(db: Transaction) -> Media:
        present = _lock(db, organization, item)
        if any(tag.is_active and _label(tag) == wanted for tag in present):
            raise already_tagged()
        check_not_hidden(db, organization, [wanted])
        if len(present) >= MAX_TAGS:
            raise too_many_tags()
        _run_check(db, organization, item, check)
        _attach(db, organization, item, [wanted], caller.user_id)
        return _touch(db, caller, item)

    return transaction(caller, work)


def remove(
    caller: Caller, item: UUID, label: str, value: str | None = None, *, check: MediaCheck | None = None
) -> Media:
    """Detach from the item this value of the group `label`; without a value, all values of the group. Returns
    the item.

    The request is idempotent: nothing changes when the item has no such tag. `check` gets the item as it is
    before, and may raise. Raises Invalid for an invalid label or value, NotFound when the item does not
    exist.
    """
    organization = caller.organization_id
    group, name = parse_search(label, value)

    def work(db: Transaction) -> Media:
        present = _lock(db, organization, item)
        _run_check(db, organization, item, check)
        removed = [
            tag for tag in present if tag.is_active and tag.group == group and name in (None, tag.name)
        ]
        if not removed:
            return _get(db, organization, item)
        db.queue(queries.tags.detach(organization, item, removed))
        return _touch(db, caller, item)

    return transaction(caller, work)


def rename_group(caller: Caller, item: UUID, old: str, new: str, *, check: MediaCheck | None = None) -> Media:
    """Move the item's values from the group `old` to the group `new`, which keeps the values it has. Other
    items do not change. Returns the item.

    Nothing changes when both are the same group. `check` gets the item as it is before, and may raise. Raises
    Invalid for an invalid label, NotFound when the item does not exist or has no tags in `old`, Conflict when
    one of the tags is hidden in `new`.
    """
    organization = caller.organization_id
    # The old label may be longer than MAX_LABEL: an item's tags may be older than that limit.
    before, after = clean_name(old.strip(), "oldLabel"), _clean(new, "newLabel")

    def work(db: Transaction) -> Media:
        moved = [tag for tag in _lock(db, organization, item) if tag.is_active and tag.group == before]
        if not moved:
            raise NotFound("This item has no tags under this label")
        wanted = [Label(after, tag.name) for tag in moved]
        if before != after:
            check_not_hidden(db, organization, wanted)
        _run_check(db, organization, item, check)
        if before == after:
            return _get(db, organization, item)
        _attach(db, organization, item, wanted, caller.user_id)
        db.queue(queries.tags.detach(organization, item, moved))
        return _touch(db, caller, item)

    return transaction(caller, work)


def clean(groups: Mapping[str, Sequence[str]]) -> list[Label]:
    """The labels of these groups and values as they are stored: trimmed, in NFC, without repetitions. They
    stay case-sensitive. Raises Invalid.
    """
    labels = {
        Label(_clean(group, "A tag's group"), _clean(value, "A tag's value"))
        for group, values in groups.items()
        for value in values
    }
    if len(labels) > MAX_TAGS:
        raise Invalid(f"An item can have {MAX_TAGS} tags, and no more")
    return sorted(labels)


def replace(db: Transaction, organization: UUID, item: UUID, labels: Sequence[Label], *, actor: UUID) -> None:
    """Replace the tags of the locked item with these. Hidden tags, which clients do not see, stay."""
    _attach(db, organization, item, labels, actor)
    db.queue(queries.tags.detach_others(organization, item, labels))


def list_of_collection(caller: Caller, collection: UUID) -> tuple[Tag, ...]:
    """The visible tags of the collection's items that are not deleted, by group and name; the first
    MAX_LISTED. Raises NotFound.
    """
    organization = caller.organization_id
    collections, tags = read_all(
        caller,
        queries.collections.get(organization, collection),
        queries.tags.list_of_collection(organization, collection, MAX_LISTED),
    )
    if not collections:
        raise not_found("collection")
    return tuple(tags)


def _clean(text: str, what: str) -> str:
    return clean_name(text.strip(), what, most=MAX_LABEL)


def _label(tag: Tag) -> Label:
    return Label(tag.group, tag.name)


def _lock(db: Transaction, organization: UUID, item: UUID) -> list[Tag]:
    """Lock the item's row, so that other transactions that change its tags wait. Returns its tags. Raises
    NotFound.
    """
    if db.first(queries.media.lock(organization, item)) is None:
        raise not_found("media")
    return db.run(queries.tags.list_of_item(organization, item))


def parse_label(label: str, value: str) -> Label:
    """The label to be attached, as it is stored. Raises Invalid."""
    return Label(_clean(label, "label"), _clean(value, "value"))


def parse_search(label: str, value: str | None) -> tuple[str, str | None]:
    """The group and the name (None: all names) of tags to be detached. They may be longer than MAX_LABEL,
    since an item's tags may be older than that limit. Raises Invalid.
    """
    return clean_name(label.strip(), "label"), None if value is None else clean_name(value.strip(), "value")


def already_tagged() -> Conflict:
    return Conflict("This item has this tag already", code="already_tagged")


def too_many_tags() -> Conflict:
    return Conflict(f"An item can have {MAX_TAGS} tags, and no more", code="too_many_tags")


def check_not_hidden(db: Transaction, organization: UUID, labels: Sequence[Label]) -> None:
    """Check that none of these tags is hidden in the organization. Raises Conflict when one is."""
    if db.run(queries.tags.list_hidden(organization, labels)):
        raise Conflict("This tag is hidden in the organization and cannot be given", code="tag_hidden")


def _run_check(db: Transaction, organization: UUID, item: UUID, check: MediaCheck | None) -> None:
    if check is not None:
        check(_get(db, organization, item))


def _attach(db: Transaction, organization: UUID, item: UUID, labels: Sequence[Label], actor: UUID) -> None:
    """Attach the tags of these labels to the locked item; insert the tags that do not exist."""
    create_missing(db, organization, labels, actor)
    db.queue(queries.tags.attach(organization, item, labels, actor))


def create_missing(db: Transaction, organization: UUID, labels: Sequence[Label], actor: UUID) -> None:
    """Insert the tags of these labels that do not exist."""
    new = [_new(label) for label in labels]
    db.queue(queries.tags.insert_missing(organization, new, actor))
    # Insert the tags that were skipped because another tag has their slug, each with a suffix.
    db.queue(
        queries.tags.insert_missing(
            organization,
            [
                dataclasses.replace(tag, slug=with_suffix(tag.slug, tag.id))
                for tag in new
                if tag.slug is not None
            ],
            actor,
        )
    )


def _new(label: Label) -> TagToInsert:
    tag = mint_id()
    if label.group != SLUGGED:
        return TagToInsert(tag, label, None, None)
    plain = slug_of(label.name)
    return TagToInsert(
        tag, label, plain if len(plain) >= 2 else with_suffix(plain or "tag", tag), name_key(label.name)
    )


def slug_of(name: str) -> str:
    """The slug that v1 makes of a name: lower case, a dash for each run of characters other than a-z and 0-9,
    no dash at the ends. Empty when no character is left.
    """
    return re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-")[:_MAX_SLUG].rstrip("-")


def name_key(name: str) -> str:
    """The key by which two names of v1's tags are compared: NFC, case-folded, trimmed, and each run of white
    space, `-` and `_` replaced by one space.

    Slugs cannot be compared instead: `Müller` and `Möller`, or `C#` and `C++`, have the same slug and are
    different names.
    """
    # Composed again, because case folding may decompose.
    return compose(re.sub(r"[\s\ufeff_-]+", " ", compose(name).casefold().strip()))


def with_suffix(slug: str, tag: UUID) -> str:
    """The slug with a suffix of 12 random digits: for a tag whose own slug is too short, or another tag's."""
    suffix = tag.hex[-12:]  # the random end of a version 7 id
    return f"{slug[: _MAX_SLUG - 1 - len(suffix)].rstrip('-')}-{suffix}"


def _touch(db: Transaction, caller: Caller, item: UUID) -> Media:
    db.queue(queries.tags.touch(caller.organization_id, item, caller.user_id))
    return _get(db, caller.organization_id, item)


def _get(db: Transaction, organization: UUID, item: UUID) -> Media:
    return db.run(queries.media.get(organization, item))[0]
