"""The columns and joins with which a row of `media` or `versions` is read whole, and `as_media`, which makes
the row a Media.

Each constant is a part of a statement that has the value `organization`.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from vitrine.models.media import Caption, Detection, FolderCounts, Frame, Media, ShownVersion
from vitrine.models.places import FolderPath

# All columns of Media except those of FolderCounts. A file's path is its folder's path (at the root: the
# collection's id) and the file's own id.
COLUMNS_WITHOUT_COUNTS: LiteralString = """
       media.id, media.organization_id, media.collection_id, collection.name as collection_name,
       case when media.type = 'folder' then place.path::text
            else coalesce(place.path::text, replace(media.collection_id::text, '-', ''))
                 || '.' || replace(media.id::text, '-', '') end as path,
       media.type, media.status, media.row_version, media.name, media.title, media.alt, media.caption,
       media.metadata, coalesce(tagged.tags, '{}') as tags, media.link_token,
       media.active_version_id as version_id, coalesce(version.number, 1) as version_number, version.codec,
       version.frame_rate, media.filename, media.mime_type, media.size_bytes, media.width, media.height,
       media.duration, media.sha256, media.placeholder, coalesce(version.colors, '{}') as colors,
       version.exif, media.taken_at, media.taken_zone, media.processing, media.processing_reason,
       media.moderation, media.verified_at, media.created_at, media.created_by, media.updated_at,
       media.updated_by, coalesce(framed.frames, '[]') as frames,
       version.reprocess_requested_at is not null as is_reprocessing, version.reprocess_failure
"""


def _joins(item: LiteralString) -> LiteralString:
    """The joins that COLUMNS_WITHOUT_COUNTS needs. `item` is the expression for the id of the item whose tags
    are read.
    """
    return f"""
  join collections collection on collection.organization_id = %(organization)s
                             and collection.id = media.collection_id
  left join folder_paths place on place.organization_id = %(organization)s
                              and place.folder_id = case when media.type = 'folder' then media.id
                                                         else media.parent_id end
  left join versions version on version.organization_id = %(organization)s
                            and version.id = media.active_version_id
  left join lateral (
       select json_object_agg(of_group."group", of_group.names order by of_group."group" collate "C") as tags
         from (select tag."group", json_agg(tag.name order by tag.name collate "C") as names
                 from media_tags
                 join tags tag on tag.organization_id = %(organization)s
                              and tag.id = media_tags.tag_id
                              and tag.is_active
                where media_tags.organization_id = %(organization)s
                  and media_tags.media_id = {item}
                group by tag."group") as of_group) as tagged on true
  left join lateral (
       select json_agg(json_build_object(
                'id', frame.id, 'at_seconds', frame.at_seconds, 'end_seconds', frame.end_seconds,
                'page_number', frame.page_number, 'key', frame.key, 'width', frame.width,
                'height', frame.height, 'thumbnail_key', frame.thumbnail_key, 'text', frame.text,
                'created_at', frame.created_at, 'captions', (
                  select json_agg(json_build_object('id', caption.id, 'text', caption.text,
                                                    'created_at', caption.created_at)
                                  order by caption.created_at, caption.id)
                    from captions caption
                   where caption.organization_id = %(organization)s
                     and caption.frame_id = frame.id),
                'detections', (
                  select json_agg(json_build_object(
                           'id', detection.id, 'type', detection.type, 'label', detection.label,
                           'polygon', detection.polygon, 'score', detection.score,
                           'crop_key', detection.crop_key) order by detection.created_at, detection.id)
                    from detections detection
                   where detection.organization_id = %(organization)s
                     and detection.frame_id = frame.id)) order by frame.ordinal) as frames
         from frames frame
        where frame.organization_id = %(organization)s
          and frame.version_id = media.active_version_id) as framed on true
"""


# For a table or subquery called `media`.
JOINS_WITHOUT_COUNTS: LiteralString = _joins("media.id")


# A subquery to be read in the place of `media`, which shows a version as itself: description, tags and place
# are its item's, the columns of the bytes are the version's own.
VERSION: LiteralString = """
       select item.organization_id, version.id, item.id as item_id, item.collection_id, item.parent_id,
              null::ltree as path, version.type, version.status, item.row_version, item.name, item.title,
              item.alt, item.caption, item.metadata, version.link_token, version.id as active_version_id,
              version.filename, version.mime_type, version.size_bytes, version.width, version.height,
              version.duration, version.sha256, version.placeholder, version.taken_at, version.taken_zone,
              version.processing, version.processing_reason, version.moderation, version.verified_at,
              version.created_at, version.created_by, version.updated_at, null::uuid as updated_by,
              case when version.id <> item.id then item.id end as source_media_id,
              item.active_version_id = version.id as is_active
         from versions version
         join media item on item.organization_id = %(organization)s
                        and item.id = version.media_id
                        and item.status = 'active'
        where version.organization_id = %(organization)s
          and version.status = 'active'
"""


VERSION_JOINS: LiteralString = _joins("media.item_id")


# All columns of Media, and their joins. The last two are those of FolderCounts, null for a file.
COLUMNS: LiteralString = (
    f"{COLUMNS_WITHOUT_COUNTS}, inside.items as inside_count, inside.thumbnails as preview_keys "
)


JOINS: LiteralString = f"""{JOINS_WITHOUT_COUNTS}
  -- the function returns no row for null
  left join lateral folder_summary(case when media.type = 'folder' then media.id end) as inside on true
"""


def as_media(
    *,
    path: str,
    version_id: UUID | None,
    version_number: int,
    frames: list[dict[str, Any]],
    colors: list[str],
    inside_count: int | None = None,
    preview_keys: list[str] | None = None,
    **columns: Any,
) -> Media:
    """Make a Media of a row that was read with COLUMNS or COLUMNS_WITHOUT_COUNTS."""
    version = ShownVersion(
        id=version_id,
        number=version_number,
        frames=tuple(_frame(**frame) for frame in frames),
        colors=tuple(colors),
        **{name: value for name, value in columns.items() if name in _OF_VERSION},
    )
    return Media(
        path=FolderPath.parse(path),
        version=version,
        folder=None if inside_count is None else FolderCounts(inside_count, tuple(preview_keys or ())),
        **{name: value for name, value in columns.items() if name not in _OF_VERSION},
    )


# The columns that have the name of a field of ShownVersion. Column `id` is the item's; the version's is
# `version_id`.
_OF_VERSION = frozenset(field.name for field in fields(ShownVersion)) - {"id"}


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
