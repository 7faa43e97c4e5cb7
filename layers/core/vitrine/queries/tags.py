"""Tags, and which items have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """What makes two tags the same."""

    group: str
    name: str


@dataclass(frozen=True, slots=True)
class New:
    """A tag to be, where there is none of this label."""

    id: UUID
    label: Label
    slug: str | None     # None outside the group that has slugs


def put(organization: UUID, tags: Sequence[New], actor: UUID | None) -> Statement[object]:
    """There are tags of these labels; but for a new one whose slug is another's, which is left out."""
    return Statement(
        """
        insert into tags (organization_id, id, "group", name, slug, created_by)
        select %(organization)s, new.id, new."group", new.name, new.slug, %(actor)s
          from unnest(%(ids)s::uuid[], %(groups)s::text[], %(names)s::text[], %(slugs)s::text[]) as new (id, "group", name, slug)
         where not exists (select from tags tag
                            where tag.organization_id = %(organization)s and tag."group" = new."group" and tag.name = new.name)
         order by new."group", new.name                  -- one order for all: two that make the same wait, and do not deadlock
            on conflict do nothing
        """,
        {
            "organization": organization, "ids": [tag.id for tag in tags], "groups": [tag.label.group for tag in tags],
            "names": [tag.label.name for tag in tags], "slugs": [tag.slug for tag in tags], "actor": actor,
        },
        nothing,
    )


def take(organization: UUID, item: UUID, labels: Sequence[Label]) -> Statement[object]:
    """The item has no tags that are shown but those of these labels."""
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
        {"organization": organization, "item": item, **_columns(labels)}, nothing,
    )


def give(organization: UUID, item: UUID, labels: Sequence[Label], actor: UUID | None) -> Statement[object]:
    """The item has the tags of these labels, of those that there are."""
    return Statement(
        """
        insert into media_tags (organization_id, media_id, tag_id, created_by)
        select %(organization)s, %(item)s, tag.id, %(actor)s
          from unnest(%(groups)s::text[], %(names)s::text[]) as wanted ("group", name)
          join tags tag on tag.organization_id = %(organization)s and tag."group" = wanted."group" and tag.name = wanted.name
            on conflict (organization_id, media_id, tag_id) do nothing
        """,
        {"organization": organization, "item": item, "actor": actor, **_columns(labels)}, nothing,
    )


def _columns(labels: Sequence[Label]) -> dict[str, list[str]]:
    return {"groups": [label.group for label in labels], "names": [label.name for label in labels]}
