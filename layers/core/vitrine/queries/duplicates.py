"""Files of an organization that match files which a client may upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrine.db import Statement
from vitrine.models.duplicates import ExistingFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.models.duplicates import FileToCheck


@dataclass(frozen=True, slots=True)
class FoundFile:
    """An existing file, and the position in the request (from 0) of the file that it matches."""

    place: int
    existing: ExistingFile


def find(organization: UUID, files: Sequence[FileToCheck], limit: int) -> Statement[FoundFile]:
    """For each of these files, the newest `limit` verified files of the same bytes, or of the same name and
    size. Sorted by position in the request, then newest first.

    Each file costs two index scans of at most `limit` rows, however many files share its name or its bytes.
    """
    return Statement(
        """
        select asked.place, found.id, found.link_token, found.status, found.created_at, found.match
          from unnest(%(filenames)s::text[], %(sizes)s::bigint[], %(hashes)s::bytea[])
               with ordinality as asked (filename, size_bytes, sha256, place)
         cross join lateral (
               select same.id, same.link_token, same.status, same.created_at,
                      case when same.sha256 = asked.sha256 then 'content' else 'name_and_size' end as match
                 from ((select id, link_token, status, created_at, sha256
                          from media
                         where organization_id = %(organization)s
                           and filename collate "C" = asked.filename
                           and size_bytes = asked.size_bytes
                           and status = 'active'
                           and type <> 'folder'
                           and verified_at is not null
                         order by created_at desc, id desc
                         limit %(limit)s)
                       union
                       (select id, link_token, status, created_at, sha256
                          from media
                         where organization_id = %(organization)s
                           and sha256 = asked.sha256
                           and status = 'active'
                           and type <> 'folder'
                           and verified_at is not null
                         order by created_at desc, id desc
                         limit %(limit)s)) as same
                order by same.created_at desc, same.id desc
                limit %(limit)s) as found
         order by asked.place, found.created_at desc, found.id desc
        """,
        _found,
        organization=organization,
        limit=limit,
        filenames=[file.filename for file in files],
        sizes=[file.size_bytes for file in files],
        hashes=[file.sha256 for file in files],
    )


def _found(*, place: int, **columns: Any) -> FoundFile:
    return FoundFile(place - 1, ExistingFile(**columns))
