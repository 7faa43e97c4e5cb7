"""Tags of the group `tags`, the only group that the v1 API shows and that has slugs. `queries.tags` has the
statements on the tags of items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

from vitrine.db import Statement, nothing
from vitrine.models.tags import SluggedTag

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS: LiteralString = """
       tag.id, tag."group", tag.name, tag.is_active, tag.slug, tag.description, tag.icon, tag.color,
       tag."order", tag.created_at, tag.updated_at
"""
_LISTED: LiteralString = ' order by tag."order", tag.name collate "C" '


def list_visible(organization: UUID, limit: int) -> Statement[SluggedTag]:
    """The organization's tags, except hidden ones: the first `limit` by order and name."""
    return Statement(
        f"""
        select {_COLUMNS}
          from tags tag
         where tag.organization_id = %(organization)s
           and tag."group" = 'tags'
           and tag.is_active
        {_LISTED} limit %(limit)s""",
        SluggedTag,
        organization=organization,
        limit=limit,
    )


def list_of_item(organization: UUID, item: UUID) -> Statement[SluggedTag]:
    """The item's tags, except hidden ones, by order and name."""
    return Statement(
        f"""
        select {_COLUMNS}
          from media_tags
          join tags tag on tag.organization_id = %(organization)s
                       and tag.id = media_tags.tag_id
                       and tag."group" = 'tags'
                       and tag.is_active
         where media_tags.organization_id = %(organization)s
           and media_tags.media_id = %(item)s
        {_LISTED}""",
        SluggedTag,
        organization=organization,
        item=item,
    )


def lock_shared(organization: UUID, tags: Sequence[UUID]) -> Statement[SluggedTag]:
    """The existing tags of these ids, hidden ones too, locked against deletion until the transaction ends."""
    return Statement(
        f"""
        select {_COLUMNS}
          from tags tag
         where tag.organization_id = %(organization)s
           and tag.id = any(%(tags)s)
           and tag."group" = 'tags'
         order by tag.id
           for key share
        """,
        SluggedTag,
        organization=organization,
        tags=list(tags),
    )


def lock(organization: UUID, tag: UUID) -> Statement[SluggedTag]:
    """Lock the tag, hidden or not, until the transaction ends. No row: there is no such tag."""
    return Statement(
        f"""
        select {_COLUMNS}
          from tags tag
         where tag.organization_id = %(organization)s
           and tag.id = %(tag)s
           and tag."group" = 'tags'
           for update
        """,
        SluggedTag,
        organization=organization,
        tag=tag,
    )


def lock_named(organization: UUID, name: str) -> Statement[SluggedTag]:
    """Lock the tag of exactly this name, hidden or not, until the transaction ends. No row: there is no such
    tag.
    """
    return Statement(
        f"""
        select {_COLUMNS}
          from tags tag
         where tag.organization_id = %(organization)s
           and tag."group" = 'tags'
           and tag.name = %(name)s
           for update
        """,
        SluggedTag,
        organization=organization,
        name=name,
    )


def lock_name(organization: UUID, name_key: str) -> Statement[object]:
    """Take an advisory lock on names with this key, to wait for other transactions that give a tag such a
    name.

    Run it as a statement of its own: only the next statement reads what those transactions wrote.
    """
    return Statement(
        """
        select pg_advisory_xact_lock(
                 hashtextextended('tag:' || %(organization)s::text || ':' || %(name_key)s::text, 0))
               is null as waited
        """,
        nothing,
        organization=organization,
        name_key=name_key,
    )


def list_similar(organization: UUID, name_key: str, slug: str) -> Statement[SluggedTag]:
    """The tags that may have a name with this key, and the tag of this slug; hidden or not, oldest first.

    Rows older than the column `name_key` may lack a key: the caller compares their names.
    """
    return Statement(
        f"""
        select {_COLUMNS}
          from tags tag
         where tag.organization_id = %(organization)s
           and tag."group" = 'tags'
           and (tag.name_key = %(name_key)s or tag.name_key is null or tag.slug = %(slug)s)
         order by tag.created_at, tag.id
        """,
        SluggedTag,
        organization=organization,
        name_key=name_key,
        slug=slug,
    )


def insert(
    organization: UUID, tag: UUID, name: str, name_key: str, slug: str, actor: UUID
) -> Statement[object]:
    """Insert the tag, unless a tag of this id, of exactly this name or of this slug exists."""
    return Statement(
        """
        insert into tags (organization_id, id, "group", name, name_key, slug, created_by)
        values (%(organization)s, %(tag)s, 'tags', %(name)s, %(name_key)s, %(slug)s, %(actor)s)
            on conflict do nothing
        """,
        nothing,
        organization=organization,
        tag=tag,
        name=name,
        name_key=name_key,
        slug=slug,
        actor=actor,
    )


def update(organization: UUID, tag: SluggedTag, name_key: str) -> Statement[SluggedTag]:
    """Set all columns of the locked tag to these values. Returns the tag as it is afterwards."""
    return Statement(
        f"""
        update tags tag
           set name = %(name)s, name_key = %(name_key)s, slug = %(slug)s, description = %(description)s,
               icon = %(icon)s, color = %(color)s,
               "order" = %(order)s, is_active = %(is_active)s, updated_at = now()
         where tag.organization_id = %(organization)s
           and tag.id = %(tag)s
        returning {_COLUMNS}""",
        SluggedTag,
        organization=organization,
        tag=tag.id,
        name=tag.name,
        name_key=name_key,
        slug=tag.slug,
        description=tag.description,
        icon=tag.icon,
        color=tag.color,
        order=tag.order,
        is_active=tag.is_active,
    )


def delete(organization: UUID, tag: UUID) -> Statement[SluggedTag]:
    """Delete the tag, also from all items. Returns the tag as it was; no row: there was none."""
    return Statement(
        f"""
        delete from tags tag
         where tag.organization_id = %(organization)s
           and tag.id = %(tag)s
           and tag."group" = 'tags'
        returning {_COLUMNS}""",
        SluggedTag,
        organization=organization,
        tag=tag,
    )


def attach(organization: UUID, item: UUID, tags: Sequence[UUID], actor: UUID) -> Statement[object]:
    """Attach these tags, which are locked against deletion, to the item."""
    return Statement(
        """
        insert into media_tags (organization_id, media_id, tag_id, created_by)
        select %(organization)s, %(item)s, tag_id, %(actor)s
          from unnest(%(tags)s::uuid[]) as tag_id
            on conflict (organization_id, media_id, tag_id) do nothing
        """,
        nothing,
        organization=organization,
        item=item,
        tags=list(tags),
        actor=actor,
    )
