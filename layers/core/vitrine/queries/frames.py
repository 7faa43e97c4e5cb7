"""The frames of versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewFrame:
    """A frame to be stored: the keys of its object and of its thumbnail's, sizes in pixels."""

    ordinal: int
    key: str
    mime_type: str
    width: int
    height: int
    thumbnail_key: str
    thumbnail_width: int
    thumbnail_height: int
    at_seconds: float = 0.0
    end_seconds: float | None = None


def put_frame(
    organization: UUID, version: UUID, generation: int, frame: NewFrame, new_id: UUID
) -> Statement[object]:
    """Insert the version's frame of this ordinal, or replace it; a replaced frame keeps its id."""
    return Statement(
        """
        insert into frames (organization_id, id, version_id, ordinal, generation, key, mime_type, width,
                            height, thumbnail_key, thumbnail_width, thumbnail_height, at_seconds, end_seconds)
        values (%(organization)s, %(id)s, %(version)s, %(ordinal)s, %(generation)s, %(key)s, %(mime_type)s,
                %(width)s, %(height)s, %(thumbnail_key)s, %(thumbnail_width)s, %(thumbnail_height)s,
                %(at_seconds)s, %(end_seconds)s)
        on conflict (organization_id, version_id, ordinal) do update
           set generation = excluded.generation, key = excluded.key, mime_type = excluded.mime_type,
               width = excluded.width, height = excluded.height, thumbnail_key = excluded.thumbnail_key,
               thumbnail_width = excluded.thumbnail_width, thumbnail_height = excluded.thumbnail_height,
               at_seconds = excluded.at_seconds, end_seconds = excluded.end_seconds
        """,
        nothing,
        organization=organization,
        id=new_id,
        version=version,
        ordinal=frame.ordinal,
        generation=generation,
        key=frame.key,
        mime_type=frame.mime_type,
        width=frame.width,
        height=frame.height,
        thumbnail_key=frame.thumbnail_key,
        thumbnail_width=frame.thumbnail_width,
        thumbnail_height=frame.thumbnail_height,
        at_seconds=frame.at_seconds,
        end_seconds=frame.end_seconds,
    )


def drop_frames(organization: UUID, version: UUID, *, but: int) -> Statement[object]:
    """Delete the version's frames of every generation but this one."""
    return Statement(
        """
        delete from frames
         where organization_id = %(organization)s
           and version_id = %(version)s
           and generation <> %(but)s
        """,
        nothing,
        organization=organization,
        version=version,
        but=but,
    )
