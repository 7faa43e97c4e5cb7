"""The storage that an organization uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine.db import Statement
from vitrine.models.deletions import Usage

if TYPE_CHECKING:
    from uuid import UUID


def read(organization: UUID) -> Statement[Usage]:
    """The organization's usage, folded plus unfolded in one snapshot: a fold between two reads would count
    its entries twice or not at all.
    """
    return Statement(
        """
        select coalesce(sum(bytes) filter (where state = 'active'), 0)::bigint  as active_bytes,
               coalesce(sum(bytes) filter (where state = 'trash'), 0)::bigint   as trash_bytes,
               coalesce(sum(bytes) filter (where kind = 'original'), 0)::bigint as original_bytes,
               coalesce(sum(bytes) filter (where kind = 'derived'), 0)::bigint  as derived_bytes,
               coalesce(sum(items) filter (where state = 'active'), 0)::bigint  as active_count,
               coalesce(sum(items) filter (where state = 'trash'), 0)::bigint   as trash_count,
               (select quota_bytes from organizations where id = %(organization)s) as limit_bytes,
               (select coalesce(sum(reserved_bytes), 0)
                  from uploads
                 where organization_id = %(organization)s
                   and state in ('created', 'uploading', 'completing')
                   and greatest(expires_at, lease_until) > now())::bigint as reserved_bytes
          from (select kind, state, bytes, items
                  from storage_usage
                 where organization_id = %(organization)s
                 union all
                select kind, state, delta_bytes, delta_count
                  from storage_ledger
                 where organization_id = %(organization)s
                   and not folded) as entries
        """,
        Usage,
        organization=organization,
    )
