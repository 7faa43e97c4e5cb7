"""Duplicates: files with equal bytes, and similar pictures, whose perceptual hashes have a small distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from vitrine.db import Statement, nothing
from vitrine.models.duplicates import MAX_DISTANCE, IdenticalVersion
from vitrine.models.media import Media
from vitrine.queries.media_columns import COLUMNS_WITHOUT_COUNTS, JOINS_WITHOUT_COUNTS, as_media

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class GroupMember:
    """An item in a group of duplicates."""

    group: str | UUID  # the SHA-256 in hexadecimal of equal bytes, or the version of the group's first item
    count: int  # of all items in the group
    distance: int  # from the group's first item, in bits of 64
    media: Media


# Recording. The pairs of a version are deleted with its hash, by foreign keys.


def lock_collection(collection: UUID) -> Statement[object]:
    """Take an advisory lock, so that only one transaction at a time compares pictures in a collection: two at
    once would not see each other's hashes.

    Run the comparison in following statements.
    """
    return Statement(
        """
        select pg_advisory_xact_lock(
                 hashtextextended('likenesses:' || %(collection)s::text, 0)) is null as waited
        """,
        nothing,
        collection=collection,
    )


def delete(organization: UUID, version: UUID) -> Statement[object]:
    """Delete the version's perceptual hash, and with it its pairs."""
    return Statement(
        "delete from perceptual_hashes where organization_id = %(organization)s and version_id = %(version)s",
        nothing,
        organization=organization,
        version=version,
    )


def insert(organization: UUID, version: UUID) -> Statement[object]:
    """Store the version's perceptual hash, when it has one."""
    return Statement(
        """
        insert into perceptual_hashes (organization_id, version_id, media_id, collection_id, type, sha256,
                                       hash)
        select version.organization_id, version.id, version.media_id, media.collection_id, version.type,
               version.sha256, version.phash::bigint
          from versions version
          join media on media.organization_id = %(organization)s and media.id = version.media_id
         where version.organization_id = %(organization)s
           and version.id = %(version)s
           and version.phash is not null
        """,
        nothing,
        organization=organization,
        version=version,
    )


def insert_nearest(organization: UUID, version: UUID, limit: int) -> Statement[object]:
    """Store the pairs of this version with the `limit` most similar versions of other items in its
    collection, of the same type, with other bytes and at a distance of at most MAX_DISTANCE.
    """
    return Statement(
        """
        insert into likenesses (organization_id, version_id, earlier_id, collection_id, media_id,
                                earlier_media_id, distance)
        select %(organization)s, greatest(own.version_id, other.version_id),
               least(own.version_id, other.version_id), own.collection_id,
               case when own.version_id > other.version_id then own.media_id else other.media_id end,
               case when own.version_id > other.version_id then other.media_id else own.media_id end,
               other.distance
          from perceptual_hashes own
         cross join lateral (
               select near.version_id, near.media_id, bit_count((near.hash # own.hash)::bit(64)) as distance
                 from perceptual_hashes near
                where near.organization_id = %(organization)s
                  and near.collection_id = own.collection_id
                  and near.type = own.type
                  and bit_count((near.hash # own.hash)::bit(64)) <= %(furthest)s
                  and near.media_id <> own.media_id
                  and (near.sha256 = own.sha256) is not true
                order by distance, near.version_id
                limit %(limit)s) as other
         where own.organization_id = %(organization)s
           and own.version_id = %(version)s
        """,
        nothing,
        organization=organization,
        version=version,
        limit=limit,
        furthest=MAX_DISTANCE,
    )


# Listing. An item is compared by the version that it shows. It takes part when it is not deleted, is
# verified, and was uploaded before all other items with the same bytes.


def list_exact(
    organization: UUID, collection: UUID, *, after: bytes, groups: int, group_size: int
) -> Statement[GroupMember]:
    """Groups of items with equal bytes, sorted by SHA-256, beginning after `after`: at most `groups` of them.
    Of each group, the first `group_size` items by upload.
    """
    return Statement(
        f"""
        with page as (
          select sha256, count(*) as count
            from media
           where organization_id = %(organization)s
             and collection_id = %(collection)s
             and sha256 > %(after)s
             and status = 'active'
             and verified_at is not null
           group by sha256
          having count(*) > 1
           order by sha256
           limit %(groups)s
        ), member as (
          select encode(page.sha256, 'hex') as "group", page.count, 0 as distance, each.id
            from page
           cross join lateral (
                 select id
                   from media
                  where organization_id = %(organization)s
                    and collection_id = %(collection)s
                    and sha256 = page.sha256
                    and status = 'active'
                    and verified_at is not null
                  order by active_version_id
                  limit %(group_size)s) as each
        )
        {_SHOWN}""",
        _as_member,
        organization=organization,
        collection=collection,
        after=after,
        groups=groups,
        group_size=group_size,
    )


def list_near(
    organization: UUID, collection: UUID, *, distance: int, after: UUID, groups: int, group_size: int
) -> Statement[GroupMember]:
    """Groups of similar pictures, sorted by the upload of their first items, beginning after the version
    `after`: at most `groups` of them. Of each group, the first `group_size` items by upload.

    Two pictures are similar when their perceptual hashes differ in at most `distance` bits. The first item of
    a group is similar to no item that was uploaded before it. The other items of the group are similar to the
    first one, and to no item that was uploaded before the first one.
    """
    return Statement(
        f"""
        with page as (
          select head.earlier_id as version_id, head.earlier_media_id as media_id
            from (select distinct earlier_id, earlier_media_id
                    from likenesses
                   where organization_id = %(organization)s
                     and collection_id = %(collection)s
                     and earlier_id > %(after)s
                     and distance <= %(distance)s
                   order by earlier_id) as head
           where {_counts("head.earlier_media_id", "head.earlier_id")}
             and {_near_before("head.earlier_id", "head.earlier_id")} is null
             and (select true from ({_members("head.earlier_id")}) as likeness limit 1)
           order by head.earlier_id
           limit %(groups)s
        ), member as (
          select page.version_id as "group", 1 + counted.count as count, each.distance, each.media_id as id
            from page
           cross join lateral (
                 select count(*) as count
                   from ({_members("page.version_id")}) as likeness) as counted
           cross join lateral (
                 select page.media_id, 0 as distance, page.version_id
                  union all
                 ({_members("page.version_id")}
                  order by likeness.version_id
                  limit %(group_size)s - 1)) as each
        )
        {_SHOWN}""",
        _as_member,
        organization=organization,
        collection=collection,
        distance=distance,
        after=after,
        groups=groups,
        group_size=group_size,
    )


# Scalar subqueries, not `exists`: the planner turns `exists` into joins, which read a whole collection for
# one page.


def _counts(media: LiteralString, version: LiteralString) -> LiteralString:
    """An expression: true when this version is shown by an active item and no earlier item has its bytes;
    else null.
    """
    return f"""(select true
                    from media shown
                   where shown.organization_id = %(organization)s
                     and shown.id = {media}
                     and shown.active_version_id = {version}
                     and shown.status = 'active'
                     and shown.verified_at is not null
                     and (select true
                            from media copy
                           where copy.organization_id = %(organization)s
                             and copy.collection_id = %(collection)s
                             and copy.sha256 = shown.sha256
                             and copy.status = 'active'
                             and copy.verified_at is not null
                             and copy.active_version_id < shown.active_version_id
                           limit 1) is null
                   limit 1)"""


def _near_before(version: LiteralString, before: LiteralString) -> LiteralString:
    """An expression: true when an item that takes part and was uploaded before `before` is similar to the
    version; else null.
    """
    return f"""(select true
                    from likenesses nearer
                   where nearer.organization_id = %(organization)s
                     and nearer.version_id = {version}
                     and nearer.earlier_id < {before}
                     and nearer.distance <= %(distance)s
                     and {_counts("nearer.earlier_media_id", "nearer.earlier_id")}
                   limit 1)"""


def _members(head: LiteralString) -> LiteralString:
    """A query for the members of the group whose first item has this version, except that item."""
    return f"""
                  select likeness.media_id, likeness.distance::integer, likeness.version_id
                    from likenesses likeness
                   where likeness.organization_id = %(organization)s
                     and likeness.earlier_id = {head}
                     and likeness.distance <= %(distance)s
                     and {_counts("likeness.media_id", "likeness.version_id")}
                     and {_near_before("likeness.version_id", "likeness.earlier_id")} is null"""


_SHOWN: LiteralString = f"""
        select member."group", member.count, member.distance, {COLUMNS_WITHOUT_COUNTS}
          from member
          join media on media.organization_id = %(organization)s and media.id = member.id
        {JOINS_WITHOUT_COUNTS}
         order by member."group", media.active_version_id
"""


def _as_member(*, group: str | UUID, count: int, distance: int, **columns: Any) -> GroupMember:
    return GroupMember(group, count, distance, as_media(**columns))


def list_identical(organization: UUID, version: UUID, limit: int) -> Statement[IdenticalVersion]:
    """Other versions in the organization with the bytes of this one: active ones first, then by time. No rows
    while the version's SHA-256 is unknown.
    """
    return Statement(
        """
        select other.id, media.name, other.status
          from versions other
          join media on media.organization_id = %(organization)s and media.id = other.media_id
         where other.organization_id = %(organization)s
           and other.sha256 = (select sha256
                                 from versions
                                where organization_id = %(organization)s
                                  and id = %(version)s)
           and other.id <> %(version)s
         order by other.status, other.id
         limit %(limit)s
        """,
        IdenticalVersion,
        organization=organization,
        version=version,
        limit=limit,
    )
