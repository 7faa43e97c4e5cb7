"""Tags as the v1 API has them: by id, with slugs, colors and an order. They are the tags of the group `tags`,
which the Studio API shows beside its other groups, so each API shows the changes of the other. The functions
of this module neither show nor change other groups.

A hidden tag is not listed, attached or detached, and items keep it. It can still be changed by its id, for
example made visible again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import ATTEMPTS, read, read_all, transaction, write
from vitrine.errors import AlreadyExists, Conflict, Invalid, Issue, NotFound, ServiceUnavailable
from vitrine.library import clean_name, not_found
from vitrine.library.media import lock_file
from vitrine.library.tags import MAX_LABEL, MAX_LISTED, MAX_TAGS, SLUGGED, name_key, slug_of, with_suffix
from vitrine.models.pages import UNCHANGED, Unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from vitrine.db import Transaction
    from vitrine.models.people import Caller
    from vitrine.models.tags import RequestedTag, SluggedTag

T = TypeVar("T")

MISSING = "Tag not found"
_MIN_SLUG = 2  # the table's check


@dataclass(frozen=True, slots=True)
class TagUpdate:
    """The fields of a tag that are to change."""

    name: str | Unchanged = UNCHANGED
    color: str | Unchanged | None = UNCHANGED
    icon: str | Unchanged | None = UNCHANGED
    description: str | Unchanged | None = UNCHANGED
    order: int | Unchanged = UNCHANGED
    is_active: bool | Unchanged = UNCHANGED  # False: hidden


def list_visible(caller: Caller) -> list[SluggedTag]:
    """The organization's tags, whether an item has them or not; the first MAX_LISTED by order and name."""
    return read(caller, queries.team_tags.list_visible(caller.organization_id, MAX_LISTED))


def list_of_file(caller: Caller, item: UUID) -> list[SluggedTag]:
    """The file's tags, by order and name. Raises NotFound when the item does not exist, is a folder, or is
    not verified.
    """
    organization = caller.organization_id
    found, tags = read_all(
        caller,
        queries.media.get_without_counts(organization, item),
        queries.team_tags.list_of_item(organization, item),
    )
    if not found or not found[0].is_verified_file:
        raise not_found("media")
    return tags


def add(caller: Caller, item: UUID, tag: RequestedTag) -> list[SluggedTag]:
    """Attach this tag to the file, and return the file's tags. Nothing changes when the file has the tag
    already.

    Raises NotFound when the item does not exist, is a folder, or is not verified; Invalid when there is no
    such tag; Conflict when the tag is hidden, or the file has the most tags that an item can have.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> list[SluggedTag]:
        lock_file(db, organization, item)
        wanted = _lock_existing(db, organization, [tag])
        present = {each.id for each in db.run(queries.tags.list_of_item(organization, item))}
        if wanted <= present:
            return db.run(queries.team_tags.list_of_item(organization, item))
        return _attach(db, caller, item, wanted, present=len(present))

    return transaction(caller, work)


def assign(caller: Caller, item: UUID, tags: Sequence[RequestedTag]) -> list[SluggedTag]:
    """Replace the file's tags with these, and return them. Its tags of other groups and its hidden tags stay.

    Raises the errors of `add`, and then nothing has changed. Invalid lists every tag that does not exist.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> list[SluggedTag]:
        lock_file(db, organization, item)
        wanted = _lock_existing(db, organization, tags)
        present = db.run(queries.tags.list_of_item(organization, item))
        removed = [
            each for each in present if each.group == SLUGGED and each.is_active and each.id not in wanted
        ]
        new = wanted - {each.id for each in present}
        if not removed and not new:
            return db.run(queries.team_tags.list_of_item(organization, item))
        if removed:
            db.queue(queries.tags.detach(organization, item, removed))
        return _attach(db, caller, item, new, present=len(present) - len(removed))

    return transaction(caller, work)


def remove(caller: Caller, item: UUID, tag: UUID | None) -> None:
    """Detach this tag from the file. None stands for an id that cannot exist. The request is idempotent:
    nothing changes when the file does not have the tag.

    Raises NotFound when the item does not exist, is a folder, or is not verified.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> None:
        lock_file(db, organization, item)
        removed = [
            each
            for each in db.run(queries.tags.list_of_item(organization, item))
            if each.id == tag and each.group == SLUGGED and each.is_active
        ]
        if removed:
            db.queue(queries.tags.detach(organization, item, removed))
            db.queue(queries.tags.touch(organization, item, caller.user_id))

    transaction(caller, work)


def create(caller: Caller, name: str) -> SluggedTag:
    """The tag of this name, which is created when it does not exist.

    A tag of exactly this name stays as it is. A tag whose name has the same `name_key` is renamed and keeps
    its other properties: a hidden one stays hidden. The slug of a new tag has a suffix when another tag has
    the plain slug.

    Raises Invalid for a name that is invalid or has no slug; ServiceUnavailable when the existing tag was
    deleted or renamed at the same time.
    """
    organization = caller.organization_id
    name, slug = _clean(name)
    key = name_key(name)

    def work(db: Transaction) -> SluggedTag:
        db.queue(queries.team_tags.lock_name(organization, key))
        same = [
            tag
            for tag in db.run(queries.team_tags.list_similar(organization, key, slug))
            if name_key(tag.name) == key
        ]
        if same:
            best = min(same, key=lambda tag: (tag.name != name, tag.slug != slug))  # the oldest of equals
            found = db.first(queries.team_tags.lock(organization, best.id))
            if found is None or name_key(found.name) != key:
                raise _changed_meanwhile()
            return (
                found
                if found.name == name
                else db.run(queries.team_tags.update(organization, replace(found, name=name), key))[0]
            )
        tag = mint_id()
        # The second insert does nothing when the first one succeeded.
        for unused in (slug, with_suffix(slug, tag)):
            db.queue(queries.team_tags.insert(organization, tag, name, key, unused, caller.user_id))
        made = db.first(queries.team_tags.lock_named(organization, name))
        if made is None:
            raise _changed_meanwhile()
        return made

    return _retry_when_taken(caller, work)


def change(caller: Caller, tag: UUID, to: TagUpdate) -> SluggedTag:
    """Change these fields of the tag, and return the tag. A name with another slug changes the slug too, with
    a suffix when another tag has it.

    Raises NotFound; Invalid for a name that is invalid or has no slug; Conflict when another tag has a name
    with the same `name_key`.
    """
    organization = caller.organization_id
    new_name = None if isinstance(to.name, Unchanged) else _clean(to.name)

    def work(db: Transaction) -> SluggedTag:
        if new_name is not None:
            db.queue(queries.team_tags.lock_name(organization, name_key(new_name[0])))
        found = db.first(queries.team_tags.lock(organization, tag))
        if found is None:
            raise NotFound(MISSING)
        name, slug = (
            _rename(db, organization, found, *new_name) if new_name is not None else (found.name, found.slug)
        )
        wanted = replace(
            found,
            name=name,
            slug=slug,
            color=_or(to.color, found.color),
            icon=_or(to.icon, found.icon),
            description=_or(to.description, found.description),
            order=_or(to.order, found.order),
            is_active=_or(to.is_active, found.is_active),
        )
        return db.run(queries.team_tags.update(organization, wanted, name_key(name)))[0]

    return _retry_when_taken(caller, work)


def _retry_when_taken(caller: Caller, work: Callable[[Transaction], T]) -> T:
    """The result of `work`, which renames or inserts a tag.

    `work` is called again when another transaction committed a tag of the same name or slug after `work` had
    looked for one; then it finds that tag. The advisory lock does not prevent this: names with different keys
    may have the same slug, and the Studio API does not take the lock.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return transaction(caller, work)
        except AlreadyExists:
            continue
    return transaction(caller, work)


def _rename(db: Transaction, organization: UUID, tag: SluggedTag, name: str, slug: str) -> tuple[str, str]:
    """The tag's new name and slug. Raises Conflict."""
    if name == tag.name:
        return tag.name, tag.slug
    others = [
        other
        for other in db.run(queries.team_tags.list_similar(organization, name_key(name), slug))
        if other.id != tag.id
    ]
    if any(name_key(other.name) == name_key(name) for other in others):
        raise Conflict("Another tag has this name", code="tag_exists")
    if slug == slug_of(tag.name):
        return name, tag.slug  # which may have a suffix
    return name, with_suffix(slug, mint_id()) if any(other.slug == slug for other in others) else slug


def _changed_meanwhile() -> ServiceUnavailable:
    return ServiceUnavailable("Somebody changed or deleted this tag at the same time; try again")


def delete(caller: Caller, tag: UUID) -> SluggedTag:
    """Delete the tag, also from all items; it cannot be restored. Returns the tag as it was. Raises NotFound,
    also when the tag is deleted already.
    """
    found = write(caller, queries.team_tags.delete(caller.organization_id, tag))
    if not found:
        raise NotFound(MISSING)
    return found[0]


def _lock_existing(db: Transaction, organization: UUID, tags: Sequence[RequestedTag]) -> set[UUID]:
    """Lock these tags against deletion, and return their ids. Raises Invalid when one does not exist,
    Conflict when one is hidden.
    """
    found = {
        tag.id: tag
        for tag in db.run(
            queries.team_tags.lock_shared(organization, [tag.id for tag in tags if tag.id is not None])
        )
    }
    unknown = [tag for tag in tags if tag.id is None or tag.id not in found]
    if unknown:
        raise Invalid(
            "There are no such tags",
            issues=tuple(Issue(tag.path, f"There is no tag {tag.text}") for tag in unknown),
        )
    if not all(tag.is_active for tag in found.values()):
        raise Conflict("This tag is hidden in the organization and cannot be given", code="tag_hidden")
    return set(found)


def _attach(db: Transaction, caller: Caller, item: UUID, new: set[UUID], *, present: int) -> list[SluggedTag]:
    organization = caller.organization_id
    if new and present + len(new) > MAX_TAGS:
        raise Conflict(f"An item can have {MAX_TAGS} tags, and no more", code="too_many_tags")
    db.queue(queries.team_tags.attach(organization, item, sorted(new), caller.user_id))
    db.queue(queries.tags.touch(organization, item, caller.user_id))
    return db.run(queries.team_tags.list_of_item(organization, item))


def _clean(name: str) -> tuple[str, str]:
    """The name as it is stored, and its slug. Raises Invalid."""
    kept = clean_name(name.strip(), "Tag name", most=MAX_LABEL)
    slug = slug_of(kept)
    if len(slug) < _MIN_SLUG:
        raise Invalid("Tag name must have at least two letters a-z or digits")
    return kept, slug


def _or(value: T | Unchanged, present: T) -> T:
    return present if isinstance(value, Unchanged) else value
