"""Tags, and which items have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine.db import Statement, nothing
from vitrine.models.tags import Tag
from vitrine.queries import TOUCHED

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """The group and name of a tag: no two tags of an organization have the same."""

    group: str
    name: str


@dataclass(frozen=True, slots=True)
class TagToInsert:
    """A tag to be inserted unless a tag of its label exists."""

    id: UUID
    label: Label
    slug: str | None  # None outside the group `tags`
    name_key: str | None  # the form in which names of the group `tags` are compared; None outside the group


def insert_missing(organization: UUID, tags: Sequence[TagToInsert], actor: UUID | None) -> Statement[object]:
    """Insert those of these tags whose label does not exist yet, except tags whose slug another tag has."""
    return Statement(
        """
        insert into tags (organization_id, id, "group", name, slug, name_key, created_by)
        select %(organization)s, new.id, new."group", new.name, new.slug, new.name_key, %(actor)s
          from unnest(%(ids)s::uuid[], %(groups)s::text[], %(names)s::text[], %(slugs)s::text[],
                      %(name_keys)s::text[])
               as new (id, "group", name, slug, name_key)
         where not exists (select from tags tag
                            where tag.organization_id = %(organization)s
                              and tag."group" = new."group"
                              and tag.name = new.name)
         -- sorted, so that two transactions that insert the same tags wait for each other without a deadlock
         order by new."group", new.name
            on conflict do nothing
        """,
        nothing,
        organization=organization,
        ids=[tag.id for tag in tags],
        slugs=[tag.slug for tag in tags],
        name_keys=[tag.name_key for tag in tags],
        **_columns([tag.label for tag in tags]),
        actor=actor,
    )


def detach_others(organization: UUID, item: UUID, labels: Sequence[Label]) -> Statement[object]:
    """Detach from the item every tag that is not hidden and has none of these labels."""
    return Statement(
        """
        delete from media_tags
         using tags tag
         where media_tags.organization_id = %(organization)s
           and media_tags.media_id = %(item)s
           and tag.organization_id = %(organization)s
           and tag.id = media_tags.tag_id
           and tag.is_active
           and (tag."group", tag.name) not in (select * from unnest(%(groups)s::text[], %(names)s::text[]))
        """,
        nothing,
        organization=organization,
        item=item,
        **_columns(labels),
    )


def attach(organization: UUID, item: UUID, labels: Sequence[Label], actor: UUID | None) -> Statement[object]:
    """Attach the existing tags of these labels to the item."""
    return Statement(
        """
        insert into media_tags (organization_id, media_id, tag_id, created_by)
        select %(organization)s, %(item)s, tag.id, %(actor)s
          from unnest(%(groups)s::text[], %(names)s::text[]) as wanted ("group", name)
          join tags tag on tag.organization_id = %(organization)s
                       and tag."group" = wanted."group"
                       and tag.name = wanted.name
            on conflict (organization_id, media_id, tag_id) do nothing
        """,
        nothing,
        organization=organization,
        item=item,
        actor=actor,
        **_columns(labels),
    )


def detach(organization: UUID, item: UUID, tags: Sequence[Tag]) -> Statement[object]:
    """Detach these tags from the item."""
    return Statement(
        """
        delete from media_tags
         where organization_id = %(organization)s
           and media_id = %(item)s
           and tag_id = any(%(tags)s)
        """,
        nothing,
        organization=organization,
        item=item,
        tags=[tag.id for tag in tags],
    )


def touch(organization: UUID, item: UUID, actor: UUID) -> Statement[object]:
    """Record that the item changed, because its tags are shown with it."""
    return Statement(
        f"""
        update media
           set {TOUCHED}
         where organization_id = %(organization)s
           and id = %(item)s
        """,
        nothing,
        organization=organization,
        item=item,
        actor=actor,
    )


def list_of_item(organization: UUID, item: UUID) -> Statement[Tag]:
    """The item's tags, hidden ones too."""
    return Statement(
        """
        select tag.id, tag."group", tag.name, tag.is_active
          from media_tags
          join tags tag on tag.organization_id = %(organization)s
                       and tag.id = media_tags.tag_id
         where media_tags.organization_id = %(organization)s
           and media_tags.media_id = %(item)s
         order by tag."group" collate "C", tag.name collate "C"
        """,
        Tag,
        organization=organization,
        item=item,
    )


def list_hidden(organization: UUID, labels: Sequence[Label]) -> Statement[Tag]:
    """Those tags of these labels that are hidden."""
    return Statement(
        """
        select tag.id, tag."group", tag.name, tag.is_active
          from unnest(%(groups)s::text[], %(names)s::text[]) as wanted ("group", name)
          join tags tag on tag.organization_id = %(organization)s
                       and tag."group" = wanted."group"
                       and tag.name = wanted.name
         where not tag.is_active
         order by tag."group" collate "C", tag.name collate "C"
        """,
        Tag,
        organization=organization,
        **_columns(labels),
    )


def list_of_collection(organization: UUID, collection: UUID, limit: int) -> Statement[Tag]:
    """The tags that are not hidden and that active items of the collection have: the first `limit` by group
    and name.

    For each tag of the organization, one item with the tag is looked up; so the cost does not depend on how
    many items have it. Deleted items are skipped.
    """
    return Statement(
        """
        select tag.id, tag."group", tag.name, tag.is_active
          from tags tag
         cross join lateral (
               select media_tags.media_id
                 from media_tags
                where media_tags.organization_id = %(organization)s
                  and media_tags.collection_id = %(collection)s
                  and media_tags.tag_id = tag.id
                  -- a scalar subquery, because a join may begin with a scan of all media
                  and (select media.status = 'active'
                         from media
                        where media.organization_id = %(organization)s
                          and media.id = media_tags.media_id)
                limit 1) as any_item
         where tag.organization_id = %(organization)s
           and tag.is_active
         order by tag."group" collate "C", tag.name collate "C"
         limit %(limit)s
        """,
        Tag,
        organization=organization,
        collection=collection,
        limit=limit,
    )


def _columns(labels: Sequence[Label]) -> dict[str, list[str]]:
    return {"groups": [label.group for label in labels], "names": [label.name for label in labels]}
