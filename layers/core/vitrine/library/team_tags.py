"""Tags as v1 has them: by id, with slugs, colours and an order of their own. They are those of the group
`tags` of the one store, which Studio shows
beside its other groups; so what is done here is seen there, and the reverse. Other groups are not seen here,
and nothing here changes them.

A hidden tag stays where it was, as in `library.tags`: it is not listed, given or taken away. By its id it can
still be changed: shown again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from vitrine import queries
from vitrine.credentials import mint_id
from vitrine.db import ATTEMPTS, read, read_all, transaction, write
from vitrine.errors import Busy, Conflict, Invalid, Issue, NotFound, Taken
from vitrine.library import clean_name
from vitrine.library.media import NO_MEDIA, lock_file
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
_MIN_SLUG = 2  # as the table has it


@dataclass(frozen=True, slots=True)
class TagChange:
    """What a tag is to be."""

    name: str | Unchanged = UNCHANGED
    color: str | Unchanged | None = UNCHANGED
    icon: str | Unchanged | None = UNCHANGED
    description: str | Unchanged | None = UNCHANGED
    order: int | Unchanged = UNCHANGED
    is_active: bool | Unchanged = UNCHANGED  # False: hidden


def list_visible(caller: Caller) -> list[SluggedTag]:
    """Those of the organization, whether an item has them or not; the first MAX_LISTED by order and name."""
    return read(caller, queries.team_tags.list_visible(caller.organization_id, MAX_LISTED))


def list_of_file(caller: Caller, item: UUID) -> list[SluggedTag]:
    """Those of a file, by order and name. Raises NotFound where the item is not there, a folder, or not
    verified.
    """
    organization = caller.organization_id
    found, tags = read_all(
        caller,
        queries.media.get_without_counts(organization, item),
        queries.team_tags.list_of_item(organization, item),
    )
    if not found or found[0].type == "folder" or found[0].verified_at is None:
        raise NotFound(NO_MEDIA)
    return tags


def add(caller: Caller, item: UUID, tag: RequestedTag) -> list[SluggedTag]:
    """The file has this tag too. Those it has then; nothing changes where it had it.

    Raises NotFound where the item is not there, a folder, or not verified; Invalid where there is no such
    tag; Conflict when the tag is hidden, or
    the file has as many tags as an item can have.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> list[SluggedTag]:
        lock_file(db, organization, item)
        wanted = _kept(db, organization, [tag])
        there = {each.id for each in db.run(queries.tags.list_of_item(organization, item))}
        if wanted <= there:
            return db.run(queries.team_tags.list_of_item(organization, item))
        return _given(db, caller, item, wanted, having=len(there))

    return transaction(caller, work)


def assign(caller: Caller, item: UUID, tags: Sequence[RequestedTag]) -> list[SluggedTag]:
    """The file has these tags and no others, but those of other groups and hidden ones, which stay. Those it
    has then.

    Raises as `add` does, and then nothing has changed: Invalid names every tag that there is none of.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> list[SluggedTag]:
        lock_file(db, organization, item)
        wanted = _kept(db, organization, tags)
        there = db.run(queries.tags.list_of_item(organization, item))
        going = [each for each in there if each.group == SLUGGED and each.is_active and each.id not in wanted]
        new = wanted - {each.id for each in there}
        if not going and not new:
            return db.run(queries.team_tags.list_of_item(organization, item))
        if going:
            db.queue(queries.tags.detach(organization, item, going))
        return _given(db, caller, item, new, having=len(there) - len(going))

    return transaction(caller, work)


def remove(caller: Caller, item: UUID, tag: UUID | None) -> None:
    """The file does not have this tag (None: what can be none). Nothing changes where it had it not: asking
    again is safe.

    Raises NotFound where the item is not there, a folder, or not verified.
    """
    organization = caller.organization_id

    def work(db: Transaction) -> None:
        lock_file(db, organization, item)
        going = [
            each
            for each in db.run(queries.tags.list_of_item(organization, item))
            if each.id == tag and each.group == SLUGGED and each.is_active
        ]
        if going:
            db.queue(queries.tags.detach(organization, item, going))
            db.queue(queries.tags.touch(organization, item, caller.user_id))

    transaction(caller, work)


def create(caller: Caller, name: str) -> SluggedTag:
    """There is a tag of this name. One that has exactly this name is left as it is. One whose name is the
    same in another form (`name_key`) is called
    so from then on, and keeps the rest: one that was hidden stays hidden. A new one whose slug is another
    tag's gets a slug with a suffix.

    Raises Invalid for a name that cannot be one, or gives no slug; Busy when the one it would be has just
    gone or been renamed.
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
            best = min(same, key=lambda tag: (tag.name != name, tag.slug != slug))  # of equals the oldest
            found = db.first(queries.team_tags.lock(organization, best.id))
            if found is None or name_key(found.name) != key:
                raise _changed_meanwhile()
            return (
                found
                if found.name == name
                else db.run(queries.team_tags.update(organization, replace(found, name=name), key))[0]
            )
        tag = mint_id()
        for free in (slug, with_suffix(slug, tag)):  # the second does nothing where the first did it
            db.queue(queries.team_tags.insert(organization, tag, name, key, free, caller.user_id))
        made = db.first(queries.team_tags.lock_named(organization, name))
        if made is None:
            raise _changed_meanwhile()
        return made

    return _until_free(caller, work)


def change(caller: Caller, tag: UUID, to: TagChange) -> SluggedTag:
    """The tag as it is then, on every item that has it. A name that would have another slug brings it along,
    with a suffix where it is another tag's.

    Raises NotFound, Invalid for a name that cannot be one or gives no slug, Conflict when another tag has the
    name, be it in another form.
    """
    organization = caller.organization_id
    named = None if isinstance(to.name, Unchanged) else _clean(to.name)

    def work(db: Transaction) -> SluggedTag:
        if named is not None:
            db.queue(queries.team_tags.lock_name(organization, name_key(named[0])))
        found = db.first(queries.team_tags.lock(organization, tag))
        if found is None:
            raise NotFound(MISSING)
        name, slug = (
            _renamed(db, organization, found, *named) if named is not None else (found.name, found.slug)
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

    return _until_free(caller, work)


def _until_free(caller: Caller, work: Callable[[Transaction], T]) -> T:
    """What `work`, which renames a tag, returns. Called again where another transaction committed a tag of
    the same name or slug after `work` had
    looked for one: then it finds that tag. Names of one key wait for each other, but two names of different
    keys may have one slug, and the Studio
    API's tags wait for nobody.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return transaction(caller, work)
        except Taken:
            continue
    return transaction(caller, work)


def _renamed(db: Transaction, organization: UUID, tag: SluggedTag, name: str, slug: str) -> tuple[str, str]:
    """The name, and the slug that the tag has under it. Raises Conflict."""
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
        return name, tag.slug  # a suffix that it was given stays
    return name, with_suffix(slug, mint_id()) if any(other.slug == slug for other in others) else slug


def _changed_meanwhile() -> Busy:
    return Busy("Somebody changed or deleted this tag at the same time; try again")


def delete(caller: Caller, tag: UUID) -> SluggedTag:
    """The tag is no more, and no item has it: nothing brings it back. What it was. Raises NotFound, a
    second time too.
    """
    found = write(caller, queries.team_tags.delete(caller.organization_id, tag))
    if not found:
        raise NotFound(MISSING)
    return found[0]


def _kept(db: Transaction, organization: UUID, tags: Sequence[RequestedTag]) -> set[UUID]:
    """Their ids, none of which is deleted meanwhile. Raises Invalid, Conflict."""
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
            issues=tuple(Issue(tag.path, f"There is no tag {tag.said}") for tag in unknown),
        )
    if not all(tag.is_active for tag in found.values()):
        raise Conflict("This tag is hidden in the organization and cannot be given", code="tag_hidden")
    return set(found)


def _given(db: Transaction, caller: Caller, item: UUID, new: set[UUID], *, having: int) -> list[SluggedTag]:
    organization = caller.organization_id
    if new and having + len(new) > MAX_TAGS:
        raise Conflict(f"An item can have {MAX_TAGS} tags, and no more", code="too_many_tags")
    db.queue(queries.team_tags.attach(organization, item, sorted(new), caller.user_id))
    db.queue(queries.tags.touch(organization, item, caller.user_id))
    return db.run(queries.team_tags.list_of_item(organization, item))


def _clean(name: str) -> tuple[str, str]:
    """The name as it is kept, and its slug. Raises Invalid."""
    kept = clean_name(name.strip(), "Tag name", most=MAX_LABEL)
    slug = slug_of(kept)
    if len(slug) < _MIN_SLUG:
        raise Invalid("Tag name must have at least two letters a-z or digits")
    return kept, slug


def _or(value: T | Unchanged, present: T) -> T:
    return present if isinstance(value, Unchanged) else value
