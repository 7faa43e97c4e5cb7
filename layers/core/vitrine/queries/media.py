"""Items as they are shown, whole and in one statement; v1's list of them; and what an act of deletion
does to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from vitrine.db import Statement, nothing
from vitrine.models.deletions import DeletionKind
from vitrine.models.media import Caption, Detection, Frame, Media, MediaType
from vitrine.models.pages import Stays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine.models.media import Description, Said

Order = Literal["createdAt", "filename", "fileSize"]

# The columns of Media but for what a folder tells of its inside. A file's path is its folder's and its own
# id; one level up from a root item is the
# collection.
OWN: LiteralString = """
       media.id, media.organization_id, media.collection_id, collection.name as collection_name,
       case when media.type = 'folder' then place.path::text
            else coalesce(place.path::text, replace(media.collection_id::text, '-', '')) || '.' || replace(media.id::text, '-', '') end as path,
       media.type, media.status, media.row_version, media.name, media.title, media.alt, media.caption, media.metadata,
       coalesce(tagged.tags, '{}') as tags, media.link_token, media.active_version_id as version_id, coalesce(version.number, 1) as version_number,
       version.codec, version.frame_rate,
       media.filename, media.mime_type, media.size_bytes, media.width, media.height, media.duration, media.sha256, media.placeholder,
       coalesce(version.colors, '{}') as colors, version.exif, media.taken_at, media.taken_zone,
       media.processing, media.processing_reason, media.moderation, media.verified_at,
       media.created_at, media.created_by, media.updated_at, media.updated_by, coalesce(framed.frames, '[]') as frames,
       version.reprocess_requested_at is not null as is_reprocessing, version.reprocess_failure
"""


def _joins(item: LiteralString) -> LiteralString:
    """What OWN needs, `item` being whose the tags are."""
    return (
        """
  join collections collection on collection.organization_id = %(organization)s and collection.id = media.collection_id
  left join folder_paths place on place.organization_id = %(organization)s
                              and place.folder_id = case when media.type = 'folder' then media.id else media.parent_id end
  left join versions version on version.organization_id = %(organization)s and version.id = media.active_version_id
  left join lateral (
       select json_object_agg(of_group."group", of_group.names order by of_group."group" collate "C") as tags
         from (select tag."group", json_agg(tag.name order by tag.name collate "C") as names
                 from media_tags
                 join tags tag on tag.organization_id = %(organization)s and tag.id = media_tags.tag_id and tag.is_active
                where media_tags.organization_id = %(organization)s
                  and media_tags.media_id = """
        + item
        + """
                group by tag."group") as of_group) as tagged on true
  left join lateral (
       select json_agg(json_build_object(
                'id', frame.id, 'at_seconds', frame.at_seconds, 'end_seconds', frame.end_seconds, 'page_number', frame.page_number,
                'key', frame.key, 'width', frame.width, 'height', frame.height, 'thumbnail_key', frame.thumbnail_key,
                'text', frame.text, 'created_at', frame.created_at,
                'captions', (
                  select json_agg(json_build_object('id', caption.id, 'text', caption.text, 'created_at', caption.created_at)
                                  order by caption.created_at, caption.id)
                    from captions caption
                   where caption.organization_id = %(organization)s
                     and caption.frame_id = frame.id),
                'detections', (
                  select json_agg(json_build_object(
                           'id', detection.id, 'type', detection.type, 'label', detection.label, 'polygon', detection.polygon,
                           'score', detection.score, 'crop_key', detection.crop_key) order by detection.created_at, detection.id)
                    from detections detection
                   where detection.organization_id = %(organization)s
                     and detection.frame_id = frame.id)) order by frame.ordinal) as frames
         from frames frame
        where frame.organization_id = %(organization)s
          and frame.version_id = media.active_version_id) as framed on true
"""
    )


# To be joined to a `media`, in a statement with the value `organization`.
OWN_JOINS: LiteralString = _joins("media.id")

# A version as itself, in the place of `media`: what people say of it and where it lies is its item's, the
# bytes are its own.
VERSION: LiteralString = """
       select item.organization_id, version.id, item.id as item_id, item.collection_id, item.parent_id, null::ltree as path, version.type,
              version.status, item.row_version, item.name, item.title, item.alt, item.caption, item.metadata, version.link_token,
              version.id as active_version_id, version.filename, version.mime_type, version.size_bytes, version.width, version.height,
              version.duration, version.sha256, version.placeholder, version.taken_at, version.taken_zone, version.processing,
              version.processing_reason, version.moderation, version.verified_at, version.created_at, version.created_by,
              version.updated_at, null::uuid as updated_by,
              case when version.id <> item.id then item.id end as source_media_id, item.active_version_id = version.id as is_active
         from versions version
         join media item on item.organization_id = %(organization)s and item.id = version.media_id and item.status = 'active'
        where version.organization_id = %(organization)s
          and version.status = 'active'
"""
VERSION_JOINS: LiteralString = _joins("media.item_id")

# All columns of Media, and their joins.
SHOWN: LiteralString = OWN + ", inside.items as inside_count, inside.thumbnails as preview_keys "
SHOWN_JOINS: LiteralString = (
    OWN_JOINS
    + """
  left join lateral folder_summary(case when media.type = 'folder' then media.id end) as inside on true    -- of null it does nothing
"""
)

# Ties by id, in the same direction, so that each order and its reverse walk one index.
_KEYS: dict[Order, LiteralString] = {
    "createdAt": "file.created_at",
    "filename": 'file.filename collate "C"',
    "fileSize": "file.size_bytes",
}
_ORDERS: dict[tuple[Order, bool], LiteralString] = {
    ("createdAt", False): "media.created_at, media.id",
    ("createdAt", True): "media.created_at desc, media.id desc",
    ("filename", False): 'media.filename collate "C", media.id',
    ("filename", True): 'media.filename collate "C" desc, media.id desc',
    ("fileSize", False): "media.size_bytes, media.id",
    ("fileSize", True): "media.size_bytes desc, media.id desc",
}


@dataclass(frozen=True, slots=True)
class Total:
    """How many there are, over all pages."""

    total: int


@dataclass(frozen=True, slots=True)
class Match:
    """One of those on the page, and how many there are over all pages; None: none is on this page."""

    total: int
    media: Media | None


@dataclass(frozen=True, slots=True)
class Locked:
    """A living item, its row locked."""

    id: UUID
    collection_id: UUID
    type: MediaType


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a living item lies, its row locked."""

    id: UUID
    collection_id: UUID
    place_id: UUID  # its folder, or the collection at its root
    type: MediaType
    path: str | None  # ltree; None for a file
    verified: bool  # and so counted


@dataclass(frozen=True, slots=True)
class Number:
    n: int


_ONE_LIVING: LiteralString = """
         where media.organization_id = %(organization)s
           and media.id = %(item)s
           and media.status = 'active'
           and collection.status = 'active'
"""


def shown(organization: UUID, item: UUID) -> Statement[Media]:
    """The item, file or folder. No row: it or its collection is deleted, or it was never there."""
    return Statement(
        "select " + SHOWN + " from media " + SHOWN_JOINS + _ONE_LIVING,
        as_media,
        organization=organization,
        item=item,
    )


def own(organization: UUID, item: UUID) -> Statement[Media]:
    """The same without what a folder tells of its inside: its own state, which costs the same however
    much lies in it.
    """
    return Statement(
        "select " + OWN + " from media " + OWN_JOINS + _ONE_LIVING,
        as_media,
        organization=organization,
        item=item,
    )


def files(
    organization: UUID,
    type: MediaType | None,
    order_by: Order,
    *,
    descending: bool,
    limit: int,
    offset: int,
) -> Statement[Media]:
    """A page of an organization's verified files, of one type (None: of all).

    Ids are read from the index alone: what an offset skips is not looked at. That the collection lives needs
    no asking here, since deleting
    one marks what it holds.
    """
    order = _ORDERS[order_by, descending]
    of_type: LiteralString = "" if type is None else "and media.type = %(type)s"
    return Statement(
        """
        with page as (
          select media.id
            from media
           where media.organization_id = %(organization)s
             and media.status = 'active'
             and media.type <> 'folder'
             and media.verified_at is not null
             """
        + of_type
        + """
           order by """
        + order
        + """
           limit %(limit)s offset %(offset)s
        )
        select """
        + SHOWN
        + """
          from page
          join media on media.organization_id = %(organization)s and media.id = page.id
        """
        + SHOWN_JOINS
        + " order by "
        + order,
        as_media,
        organization=organization,
        type=type,
        limit=limit,
        offset=offset,
    )


def files_total(organization: UUID, types: Sequence[MediaType]) -> Statement[Total]:
    """How many verified files of these types an organization has in living collections, from kept counts."""
    return Statement(
        """
        with living as (
          select id from collections where organization_id = %(organization)s and status = 'active'
        )
        select (coalesce((select sum(kept.items)
                            from collection_counts kept
                            join living on living.id = kept.collection_id
                           where kept.organization_id = %(organization)s
                             and kept.type = any(%(types)s)), 0)
              + coalesce((select sum(entry.delta)
                            from count_ledger entry
                            join living on living.id = entry.collection_id
                           where entry.organization_id = %(organization)s
                             and entry.type = any(%(types)s)
                             and not entry.folded), 0))::bigint as total
        """,
        Total,
        organization=organization,
        types=list(types),
    )


def files_matching(
    organization: UUID,
    *,
    search: str,
    tag_ids: Sequence[UUID] | None,
    tag_slugs: Sequence[str] | None,
    type: MediaType | None,
    order_by: Order,
    descending: bool,
    limit: int,
    offset: int,
) -> Statement[Match]:
    """A page of those of `files` that a search finds ("": all) and that have one of these tags, and one of
    those (None: whether or not).

    At least one row, for the total: which is why all that match are looked up once, by an index of each
    filter, and then sorted.
    """
    key, direction = _KEYS[order_by], " desc" if descending else ""
    order: LiteralString = "file.key" + direction + ", file.id" + direction
    return Statement(
        """
        with found as materialized (
          select file.id, """
        + key
        + """ as key
            from """
        + (_SEARCHED if search else _ALL_FILES)
        + (_OF_TYPE if type else "")
        + (_TAGGED if tag_ids is not None else "")
        + (_TAGGED_BY_SLUG if tag_slugs is not None else "")
        + """
        ), page as (
          select file.id, row_number() over (order by """
        + order
        + """) as place
            from found as file
           order by """
        + order
        + """
           limit %(limit)s offset %(offset)s
        )
        select counted.total, shown.*
          from (select count(*) as total from found) as counted
          left join lateral (
               select page.place, """
        + SHOWN
        + """
                 from page
                 join media on media.organization_id = %(organization)s and media.id = page.id
        """
        + SHOWN_JOINS
        + """
               ) as shown on true
         order by shown.place
        """,
        _as_match,
        organization=organization,
        search=search,
        tag_ids=list(tag_ids or ()),
        tag_slugs=list(tag_slugs or ()),
        type=type,
        limit=limit,
        offset=offset,
    )


# definer function: @@ finds no index under a policy
_SEARCHED: LiteralString = "matching_files(%(search)s) as file where true"
_ALL_FILES: LiteralString = """ media as file
           where file.organization_id = %(organization)s
             and file.status = 'active'
             and file.type <> 'folder'
             and file.verified_at is not null
"""
_OF_TYPE: LiteralString = " and file.type = %(type)s "
# Hidden ones count: whoever names a tag knows it. Only of the group that v1 has.
_TAGGED: LiteralString = """
             and file.id in (
                 select given.media_id
                   from media_tags given
                   join tags tag on tag.organization_id = %(organization)s and tag.id = given.tag_id
                  where given.organization_id = %(organization)s
                    and tag."group" = 'tags'
                    and tag.id = any(%(tag_ids)s))
"""
_TAGGED_BY_SLUG: LiteralString = """
             and file.id in (
                 select given.media_id
                   from media_tags given
                   join tags tag on tag.organization_id = %(organization)s and tag.id = given.tag_id
                  where given.organization_id = %(organization)s
                    and tag.slug = any(%(tag_slugs)s))
"""


# Deleting. The collection is held first (collections.hold_for_change), then the items, then they are marked;
# the rest goes by the mark.


def lock(organization: UUID, item: UUID) -> Statement[Locked]:
    """The item, locked until the transaction ends. No row: it or its collection is deleted, or it was
    never there.
    """
    return Statement(
        """
        select media.id, media.collection_id, media.type
          from media
          join collections collection on collection.organization_id = %(organization)s
                                     and collection.id = media.collection_id
                                     and collection.status = 'active'
         where media.organization_id = %(organization)s
           and media.id = %(item)s
           and media.status = 'active'
           for update of media
        """,
        Locked,
        organization=organization,
        item=item,
    )


def lock_below(
    organization: UUID, folders: Sequence[UUID], most: int, *, but: Sequence[UUID] = ()
) -> Statement[Number]:
    """The living items below any of these folders, at any depth, `but` some that are held already, locked
    until the transaction ends; no more than
    `most` of them. How many they are.
    """
    return Statement(
        """
        with locked as (
          select media.id
            from media
           where media.organization_id = %(organization)s
             and media.place_id = any("""
        + _BELOW
        + """)
             and media.status = 'active'
             and media.id <> all(%(but)s)
           limit %(most)s
             for update of media
        )
        select count(*) as n from locked
        """,
        Number,
        organization=organization,
        folders=list(folders),
        most=most,
        but=list(but),
    )


def put_deletion(
    organization: UUID, deletion: UUID, kind: DeletionKind, root: UUID, actor: UUID, trash_days: int | None
) -> Statement[object]:
    """An act of deletion, of nothing yet. It is purged after `trash_days`; None: never."""
    return Statement(
        """
        insert into deletions (organization_id, id, kind, root_id, actor, purge_at, item_count)
        values (%(organization)s, %(deletion)s, %(kind)s, %(root)s, %(actor)s, now() + make_interval(days => %(trash_days)s::integer), 0)
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        kind=kind,
        root=root,
        actor=actor,
        trash_days=trash_days,
    )


def mark(organization: UUID, deletion: UUID, item: UUID, actor: UUID) -> Statement[object]:
    """The item is deleted by this act."""
    return Statement(
        """
        update media
           set status = 'deleted', deletion_id = %(deletion)s, row_version = row_version + 1, updated_at = now(), updated_by = %(actor)s
         where organization_id = %(organization)s
           and id = %(item)s
           and status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        item=item,
        actor=actor,
    )


def mark_below(organization: UUID, deletion: UUID, folders: Sequence[UUID], actor: UUID) -> Statement[object]:
    """Every living item below any of these folders is deleted by this act."""
    return Statement(
        """
        update media
           set status = 'deleted', deletion_id = %(deletion)s, row_version = row_version + 1, updated_at = now(), updated_by = %(actor)s
         where media.organization_id = %(organization)s
           and media.place_id = any("""
        + _BELOW
        + """)
           and media.status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        folders=list(folders),
        actor=actor,
    )


# An array: joined, the whole organization may be read.
_BELOW: LiteralString = "array(select below.id from unnest(%(folders)s::uuid[]) as folder cross join lateral subtree(folder) as below)"


def lock_in(organization: UUID, collection: UUID, most: int) -> Statement[Number]:
    """The living items of a collection, locked until the transaction ends; no more than `most` of them.
    How many they are.
    """
    return Statement(
        """
        with locked as (
          select id
            from media
           where organization_id = %(organization)s
             and collection_id = %(collection)s
             and status = 'active'
           limit %(most)s
             for update
        )
        select count(*) as n from locked
        """,
        Number,
        organization=organization,
        collection=collection,
        most=most,
    )


def mark_in(organization: UUID, deletion: UUID, collection: UUID, actor: UUID) -> Statement[object]:
    """Every living item of the collection is deleted by this act."""
    return Statement(
        """
        update media
           set status = 'deleted', deletion_id = %(deletion)s, row_version = row_version + 1, updated_at = now(), updated_by = %(actor)s
         where organization_id = %(organization)s
           and collection_id = %(collection)s
           and status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
        collection=collection,
        actor=actor,
    )


def mark_versions(organization: UUID, deletion: UUID) -> Statement[object]:
    """The living versions of what this act has marked are deleted by it; one that was deleted before
    stays with its own act.
    """
    return Statement(
        """
        update versions
           set status = 'deleted', deletion_id = %(deletion)s, updated_at = now()
          from media
         where media.organization_id = %(organization)s
           and media.deletion_id = %(deletion)s
           and versions.organization_id = %(organization)s
           and versions.media_id = media.id
           and versions.status = 'active'
        """,
        nothing,
        organization=organization,
        deletion=deletion,
    )


def count_deletion(organization: UUID, deletion: UUID) -> Statement[Number]:
    """The act knows how many versions of files it took."""
    return Statement(
        """
        update deletions
           set item_count = (
                 select count(*)
                   from versions
                  where versions.organization_id = %(organization)s
                    and versions.deletion_id = %(deletion)s)
         where organization_id = %(organization)s
           and id = %(deletion)s
        returning item_count as n
        """,
        Number,
        organization=organization,
        deletion=deletion,
    )


# Changing. The item is held first (hold, or hold_place where it is to lie elsewhere).


def rename(organization: UUID, item: UUID, name: str, actor: UUID) -> Statement[object]:
    """The item has this name."""
    return Statement(
        """
        update media
           set name = %(name)s, row_version = row_version + 1, updated_at = now(), updated_by = %(actor)s
         where organization_id = %(organization)s
           and id = %(item)s
        """,
        nothing,
        organization=organization,
        item=item,
        name=name,
        actor=actor,
    )


def describe(organization: UUID, item: UUID, said: Description, actor: UUID) -> Statement[object]:
    """This is said of the item and nothing else; its tags are another table's."""
    return Statement(
        """
        update media
           set title = %(title)s, alt = %(alt)s, caption = %(caption)s, metadata = %(metadata)s,
               row_version = row_version + 1, updated_at = now(), updated_by = %(actor)s
         where organization_id = %(organization)s
           and id = %(item)s
        """,
        nothing,
        organization=organization,
        item=item,
        title=said.title,
        alt=said.alt,
        caption=said.caption,
        metadata=Jsonb(said.metadata),
        actor=actor,
    )


def say(organization: UUID, item: UUID, said: Said, actor: UUID) -> Statement[object]:
    """This is said of the item, and the rest as before."""
    return Statement(
        """
        update media
           set title = case when %(title_stays)s then title else %(title)s end,
               alt = case when %(alt_stays)s then alt else %(alt)s end,
               caption = case when %(caption_stays)s then caption else %(caption)s end,
               row_version = row_version + 1, updated_at = now(), updated_by = %(actor)s
         where organization_id = %(organization)s
           and id = %(item)s
        """,
        nothing,
        organization=organization,
        item=item,
        actor=actor,
        title=None if isinstance(said.title, Stays) else said.title,
        title_stays=isinstance(said.title, Stays),
        alt=None if isinstance(said.alt, Stays) else said.alt,
        alt_stays=isinstance(said.alt, Stays),
        caption=None if isinstance(said.caption, Stays) else said.caption,
        caption_stays=isinstance(said.caption, Stays),
    )


def lock_place(organization: UUID, item: UUID) -> Statement[Placed]:
    """Where the item lies, its row locked until the transaction ends. No row: it or its collection is
    deleted, or it was never there.

    The lock lets in what refers to the item (a frame, a version), and nothing that changes it.
    """
    return Statement(
        """
        select media.id, media.collection_id, media.place_id, media.type, place.path::text as path, media.verified_at is not null as verified
          from media
          left join folder_paths place on place.organization_id = %(organization)s and place.folder_id = media.id
          join collections collection on collection.organization_id = %(organization)s
                                     and collection.id = media.collection_id
                                     and collection.status = 'active'
         where media.organization_id = %(organization)s
           and media.id = %(item)s
           and media.status = 'active'
           for no key update of media
        """,
        Placed,
        organization=organization,
        item=item,
    )


def put_in(organization: UUID, item: UUID, folder: UUID | None, actor: UUID) -> Statement[object]:
    """The item lies in this folder (None: at its collection's root). The folders below follow by
    `folders.reroot`; a file names its parent alone.
    """
    return Statement(
        """
        update media
           set parent_id = %(folder)s, row_version = row_version + 1, updated_at = now(), updated_by = %(actor)s
         where organization_id = %(organization)s
           and id = %(item)s
        """,
        nothing,
        organization=organization,
        item=item,
        folder=folder,
        actor=actor,
    )


# Rows into nouns.


def as_media(
    *, frames: list[dict[str, Any]], colors: list[str], preview_keys: list[str] | None = None, **columns: Any
) -> Media:
    """A row of SHOWN as Media."""
    return Media(
        frames=tuple(_frame(**frame) for frame in frames),
        colors=tuple(colors),
        preview_keys=tuple(preview_keys or ()),
        **columns,
    )


def _as_match(*, total: int, place: int | None, **columns: Any) -> Match:
    return Match(total, None if place is None else as_media(**columns))


def _frame(
    *,
    id: str,
    created_at: str,
    captions: list[dict[str, str]] | None,
    detections: list[dict[str, Any]] | None,
    **columns: Any,
) -> Frame:
    return Frame(
        id=UUID(id),
        created_at=_time(created_at),
        captions=tuple(
            Caption(UUID(caption["id"]), caption["text"], _time(caption["created_at"]))
            for caption in captions or ()
        ),
        detections=tuple(_detection(**detection) for detection in detections or ()),
        **columns,
    )


def _detection(*, id: str, polygon: list[dict[str, float]], **columns: Any) -> Detection:
    return Detection(id=UUID(id), polygon=tuple((corner["x"], corner["y"]) for corner in polygon), **columns)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
