"""Tags: values in groups. One store for both APIs: Studio shows all groups, v1 the group `tags`.

A hidden tag is shown by neither API, and nothing here takes it from the items that have it: once it is shown
again, it is where it was. A tag that
no item has any more stays known to its organization.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace as replaced
from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import read_all, transaction
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.library import clean_name
from vitrine.models.media import Media
from vitrine.models.tags import Tag
from vitrine.queries.tags import Label, NewTag
from vitrine.texts import compose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.people import Caller

MediaCheck = Callable[[Media], None]

SLUGGED = "tags"  # the group that v1 sees, the only one with slugs
MAX_LABEL = 100  # code points of a group or value
MAX_TAGS = 500  # of an item, over all groups
# of a collection: at MAX_LABEL in the longest spelling this fits into what Lambda answers, 6 MB
MAX_LISTED = 5000
_MAX_SLUG = 100  # as the table has it


def add(caller: Caller, item: UUID, label: str, value: str, *, check: MediaCheck | None = None) -> Media:
    """The item, file or folder, has this value in the group `label`. What it is now.

    `check` judges the item as it is before, and may raise. Raises Invalid for a label or value that cannot be
    one, NotFound when the item is not
    there, Conflict when it has the value already, has as many tags as an item can have, or the tag is hidden.
    """
    organization = caller.organization_id
    wanted = parse_label(label, value)

    def work(db: Transaction) -> Media:
        there = _lock(db, organization, item)
        if any(tag.is_active and _label(tag) == wanted for tag in there):
            raise already_tagged()
        check_not_hidden(db, organization, [wanted])
        if len(there) >= MAX_TAGS:
            raise too_many_tags()
        _run_check(db, organization, item, check)
        _attach(db, organization, item, [wanted], caller.user_id)
        return _changed(db, caller, item)

    return transaction(caller, work)


def remove(
    caller: Caller, item: UUID, label: str, value: str | None = None, *, check: MediaCheck | None = None
) -> Media:
    """The item does not have this value in the group `label`; without a value: it has none there. What it is
    now.

    Where it had none nothing changes: asking again is safe. `check` judges the item as it is before, and may
    raise. Raises Invalid for a label or
    value that cannot be one, NotFound when the item is not there.
    """
    organization = caller.organization_id
    group, name = parse_search(label, value)

    def work(db: Transaction) -> Media:
        there = _lock(db, organization, item)
        _run_check(db, organization, item, check)
        going = [tag for tag in there if tag.is_active and tag.group == group and name in (None, tag.name)]
        if not going:
            return _shown(db, organization, item)
        db.queue(queries.tags.detach(organization, item, going))
        return _changed(db, caller, item)

    return transaction(caller, work)


def rename_group(caller: Caller, item: UUID, old: str, new: str, *, check: MediaCheck | None = None) -> Media:
    """The values that the item has in the group `old` it has in `new`, beside those it had there, each once.
    Other items keep theirs. What it is now.

    The same group twice changes nothing. `check` judges the item as it is before, and may raise. Raises
    Invalid for what cannot be a label, NotFound
    when the item is not there or has nothing in `old`, Conflict when one of the tags is hidden in `new`.
    """
    organization = caller.organization_id
    # the old one longer than MAX_LABEL too, as above
    before, after = clean_name(old.strip(), "oldLabel"), _clean(new, "newLabel")

    def work(db: Transaction) -> Media:
        going = [tag for tag in _lock(db, organization, item) if tag.is_active and tag.group == before]
        if not going:
            raise NotFound("This item has no tags under this label")
        wanted = [Label(after, tag.name) for tag in going]
        if before != after:
            check_not_hidden(db, organization, wanted)
        _run_check(db, organization, item, check)
        if before == after:
            return _shown(db, organization, item)
        _attach(db, organization, item, wanted, caller.user_id)
        db.queue(queries.tags.detach(organization, item, going))
        return _changed(db, caller, item)

    return transaction(caller, work)


def clean(groups: Mapping[str, Sequence[str]]) -> list[Label]:
    """Groups and values as they are kept: trimmed, composed (NFC), each once; exact and case-sensitive
    beyond that. Raises Invalid.
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
    """The item, whose row is held, has these tags and no others; but hidden ones, which nobody was shown,
    stay as they are.
    """
    _attach(db, organization, item, labels, actor)
    db.queue(queries.tags.detach_others(organization, item, labels))


def listed(caller: Caller, collection: UUID) -> tuple[Tag, ...]:
    """The tags that active items of the collection have, by group and name, hidden ones aside; the first
    MAX_LISTED. Raises NotFound.
    """
    organization = caller.organization_id
    found, tags = read_all(
        caller,
        queries.collections.get(organization, collection),
        queries.tags.list_of_collection(organization, collection, MAX_LISTED),
    )
    if not found:
        raise NotFound("Collection not found")
    return tuple(tags)


def _clean(text: str, what: str) -> str:
    return clean_name(text.strip(), what, most=MAX_LABEL)


def _label(tag: Tag) -> Label:
    return Label(tag.group, tag.name)


def _lock(db: Transaction, organization: UUID, item: UUID) -> list[Tag]:
    """The tags of the item, whose row is locked: who else changes its tags waits, and reads them
    afterwards. Raises NotFound.
    """
    if db.first(queries.media.lock(organization, item)) is None:
        raise NotFound("Media not found")
    return db.run(queries.tags.list_of_item(organization, item))


def parse_label(label: str, value: str) -> Label:
    """As it is kept. Raises Invalid."""
    return Label(_clean(label, "label"), _clean(value, "value"))


def parse_search(label: str, value: str | None) -> tuple[str, str | None]:
    """The group and the name of what may be there; longer than MAX_LABEL too: what is there can be named.
    Raises Invalid.
    """
    return clean_name(label.strip(), "label"), None if value is None else clean_name(value.strip(), "value")


def already_tagged() -> Conflict:
    return Conflict("This item has this tag already", code="already_tagged")


def too_many_tags() -> Conflict:
    return Conflict(f"An item can have {MAX_TAGS} tags, and no more", code="too_many_tags")


def check_not_hidden(db: Transaction, organization: UUID, labels: Sequence[Label]) -> None:
    """Raises Conflict where one of them is hidden."""
    if db.run(queries.tags.list_hidden(organization, labels)):
        raise Conflict("This tag is hidden in the organization and cannot be given", code="tag_hidden")


def _run_check(db: Transaction, organization: UUID, item: UUID, check: MediaCheck | None) -> None:
    if check is not None:
        check(_shown(db, organization, item))


def _attach(db: Transaction, organization: UUID, item: UUID, labels: Sequence[Label], actor: UUID) -> None:
    """The item, whose row is held, has the tags of these labels; they are made where there are none."""
    create_missing(db, organization, labels, actor)
    db.queue(queries.tags.attach(organization, item, labels, actor))


def create_missing(db: Transaction, organization: UUID, labels: Sequence[Label], actor: UUID) -> None:
    """There are tags of these labels."""
    new = [_new(label) for label in labels]
    db.queue(queries.tags.insert_missing(organization, new, actor))
    # A slug that another tag has kept its tag out: it gets one that nobody has.
    db.queue(
        queries.tags.insert_missing(
            organization,
            [replaced(tag, slug=with_suffix(tag.slug, tag.id)) for tag in new if tag.slug is not None],
            actor,
        )
    )


def _new(label: Label) -> NewTag:
    tag = mint_id()
    if label.group != SLUGGED:
        return NewTag(tag, label, None, None)
    plain = slug_of(label.name)
    return NewTag(
        tag, label, plain if len(plain) >= 2 else with_suffix(plain or "tag", tag), name_key(label.name)
    )


def slug_of(name: str) -> str:
    """What v1 makes of a name: lower case, each run of anything but a-z and 0-9 a dash, none at the ends.
    Empty where nothing is left.
    """
    return re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-")[:_MAX_SLUG].rstrip("-")


def name_key(name: str) -> str:
    """What two names of v1's tags have in common when they are the same name: NFC, folded in case, trimmed,
    and with each run of white space, `-`
    and `_` as one space.

    A slug cannot decide that: `Müller` and `Möller`, `C#` and `C++` have one slug and are different names.
    """
    return compose(re.sub(r"[\s\ufeff_-]+", " ", compose(name).casefold().strip()))  # folding may decompose


def with_suffix(slug: str, tag: UUID) -> str:
    """The slug of a tag where the plain one is another tag's."""
    suffix = tag.hex[-12:]  # the random end of a version 7 id
    return f"{slug[: _MAX_SLUG - 1 - len(suffix)].rstrip('-')}-{suffix}"


def _changed(db: Transaction, caller: Caller, item: UUID) -> Media:
    db.queue(queries.tags.touch(caller.organization_id, item, caller.user_id))
    return _shown(db, caller.organization_id, item)


def _shown(db: Transaction, organization: UUID, item: UUID) -> Media:
    return db.run(queries.media.get(organization, item))[0]
